#pragma once

#include <algorithm>
#include <cstdint>

// How a volume is divided among threads when gradients are scattered into it (see scatter.h).

namespace ptus {

inline constexpr int kTile = 64;           // points treated together, along a row of the grid
inline constexpr int kChannelBlock = 128;  // channels held in a tile's buffer at a time

inline int64_t tiles_of(int64_t width) { return (width + kTile - 1) / kTile; }

// The rows of voxels that a tile of points reads: lowest and highest y, then z. Empty where low > high.
struct TileBounds {
  int32_t low[2];
  int32_t high[2];
};

// Planes z_begin to z_end, in each the rows y_begin to y_end, of sample n.
struct Slab {
  int64_t n, z_begin, z_end, y_begin, y_end, width;

  bool has_row(int64_t z, int64_t y) const { return z >= z_begin && z < z_end && y >= y_begin && y < y_end; }
  int64_t row(int64_t z, int64_t y) const { return (z - z_begin) * (y_end - y_begin) + y - y_begin; }
  int64_t bytes(int64_t bytes_of_voxel) const { return (z_end - z_begin) * (y_end - y_begin) * width * bytes_of_voxel; }
  bool touches(const TileBounds& tile) const {
    return tile.low[0] < y_end && tile.high[0] >= y_begin && tile.low[1] < z_end && tile.high[1] >= z_begin;
  }
};

// Cuts a volume into slabs whose sums take about 256 KiB: they fit the second-level cache beside what streams past.
// Four planes thick where there are as many, since a point at a slab's surface is visited from both sides.
class Slabs {
 public:
  Slabs(int64_t batch, int64_t depth, int64_t height, int64_t width, int64_t bytes_of_voxel)
      : depth_(depth), height_(height), width_(width) {
    const int64_t rows = (int64_t{256} << 10) / std::max<int64_t>(1, width * bytes_of_voxel);
    planes_ = std::clamp<int64_t>(rows / 4, 1, std::clamp<int64_t>(depth, 1, 4));
    rows_ = std::clamp<int64_t>(rows / planes_, 1, std::max<int64_t>(1, height));
    per_plane_ = (height + rows_ - 1) / rows_;
    per_sample_ = per_plane_ * ((depth + planes_ - 1) / planes_);
    count_ = batch * per_sample_;
    bytes_ = rows_ * planes_ * width * bytes_of_voxel;
  }

  int64_t count() const { return count_; }
  int64_t bytes() const { return bytes_; }

  Slab operator[](int64_t i) const {
    const int64_t in_sample = i % per_sample_;
    const int64_t z = in_sample / per_plane_ * planes_, y = in_sample % per_plane_ * rows_;
    return {i / per_sample_, z, std::min(z + planes_, depth_), y, std::min(y + rows_, height_), width_};
  }

 private:
  int64_t depth_, height_, width_, rows_, planes_, per_plane_, per_sample_, count_, bytes_;
};

}  // namespace ptus
