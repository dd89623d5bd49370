// motion_features with jacobians or a background, and spline_features: every motion reads its own points of the
// feature, as in grid_sample, row by row. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Tiles of the points that motion k reads for row (z, y): stencils in the feature, which has its channels last.
template <class T, int rank>
class MovedTiles {
  using R = Real<T>;

 public:
  // `memory` has room for room(call) numbers.
  MovedTiles(const MotionFeatures<T, rank>& call, R* memory) : point(0, 1, 0, 1), call_(call), moved_(memory) {}

  static int64_t room(const MotionFeatures<T, rank>& call) { return bent(call) ? rank * call.feature.width : 0; }

  static bool bent(const MotionFeatures<T, rank>& call) { return call.motions.kind == MotionKind::spline; }

  Stencil<R, rank> stencil;
  RowPoint<R, rank> point;

  void start_row(int64_t n, int64_t k, int64_t z, int64_t y) {
    point = RowPoint<R, rank>(y, call_.feature.height, z, call_.feature.depth);
    motion_ = row_motion(call_.motions.of_sample(n)[k], point);
    if constexpr (rank == 2) {
      if (bent(call_)) moved_row(call_.motions, n, k, point, call_.xs, call_.feature.width, moved_);
    }
  }

  // Points x to x + the number returned.
  template <class Stored>
  int fill(int64_t x, const Volume<Stored>& volume) {
    const int points = points_from(x);
    const R* const xs = call_.xs + x;
    for (int a = 0; a < rank; ++a) {
      if (bent(call_)) {
        std::memcpy(stencil.coordinate[a], moved_ + a * call_.feature.width + x, points * sizeof(R));
      } else {
        for (int p = 0; p < points; ++p) stencil.coordinate[a][p] = motion_.slope[a] * xs[p] + motion_.start[a];
      }
    }
    fill_stencil<Interpolation::bilinear, Padding::zeros>(stencil, points, Extent(volume), call_.align_corners);
    return points;
  }

  // The rows of voxels that these points may read. Those of an affine motion lie between both ends of the tile; a voxel
  // to spare on either side covers the rounding of what lies between.
  TileBounds bounds(int64_t x) const {
    const Volume<const T>& feature = call_.feature;
    const int64_t size[2] = {feature.height, feature.depth}, last = x + points_from(x) - 1;
    TileBounds bounds = {{0, 0}, {0, 0}};
    for (int a = 1; a < rank; ++a) {
      const Axis<R> axis(size[a - 1], call_.align_corners);
      const R end = static_cast<R>(size[a - 1] + 1);
      R low = end, high = -2;
      for (int64_t i = x; i <= last; i += bent(call_) ? 1 : std::max<int64_t>(1, last - x)) {
        const R at = bent(call_) ? moved_[a * feature.width + i] : motion_.slope[a] * call_.xs[i] + motion_.start[a];
        const R position = (at + 1) * axis.scale + axis.shift;
        // What is no number compares as false, and counts as both ends.
        low = position >= low ? low : (position >= -2 ? position : R(-2));
        high = position <= high ? high : (position <= end ? position : end);
      }
      bounds.low[a - 1] = static_cast<int32_t>(low) - 2;
      bounds.high[a - 1] = static_cast<int32_t>(high) + 2;
    }
    return bounds;
  }

 private:
  int points_from(int64_t x) const { return static_cast<int>(std::min<int64_t>(kTile, call_.feature.width - x)); }

  const MotionFeatures<T, rank>& call_;
  R* moved_;  // of splines, the row's points
  RowMotion<R, rank> motion_;
};

// Room in numbers for one thread of any of the loops below: a row of a heatmap, moved points, and their gradients.
template <class T, int rank>
int64_t moved_workspace(const MotionFeatures<T, rank>& call) {
  return call.feature.width + 2 * MovedTiles<T, rank>::room(call);
}

// Rows (n, z, y) `begin` to `end` of the output.
template <class T, int rank>
void moved_feature_rows(const MotionFeatures<T, rank>& call, const Volume<T>& output, Real<T>* memory, int64_t begin,
                        int64_t end) {
  using R = Real<T>;
  const Volume<const T>& feature = call.feature;
  R* const heatmap = memory;
  MovedTiles<T, rank> tiles(call, memory + feature.width);
  alignas(64) R buffer[kTile * kChannelBlock];
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, output);
    T* const to_row = output.at(row.n, row.z, row.y);
    for (int64_t map = 0; map < call.maps(); ++map) {
      heatmap_row(call, row.n, map, row.z, row.y, heatmap);
      copy_matrix(to_row + call.channel_of_map(map) * output.stride_c, output.stride_c, output.stride_x, heatmap,
                  output.width, 1, 1, output.width);
    }
    for (int64_t k = 0; k < call.motions.count; ++k) {
      T* const to = to_row + call.first_channel(k) * output.stride_c;
      tiles.start_row(row.n, k, row.z, row.y);
      for (int64_t x = 0; x < output.width; x += kTile) {
        const int points = tiles.fill(x, feature);
        for (int64_t c = 0; c < feature.channels; c += kChannelBlock) {
          const int64_t count = std::min<int64_t>(kChannelBlock, feature.channels - c);
          gather(tiles.stencil, points, feature.at(row.n, 0, 0) + c, Interpolation::bilinear, buffer, count, count);
          copy_matrix(to + c * output.stride_c + x * output.stride_x, output.stride_x, output.stride_c, buffer, count,
                      1, points, count);
        }
      }
    }
  }
}

// Adds what the gradients of a tile of moved points, from x on, say about an affine motion.
template <class T, int rank>
void add_affine_gradient(const MotionFeatures<T, rank>& call, const RowPoint<Real<T>, rank>& point,
                         const Real<T> (&gradient)[rank][kTile], int64_t x, int points,
                         Motion<Real<T>, rank>& of_motion) {
  using R = Real<T>;
  for (int a = 0; a < rank; ++a) {
    R sums[2][kLanes<R>] = {};
    sum_line<kLanes<R>>(sums[0], gradient[a], points);
    dot_line<kLanes<R>>(sums[1], gradient[a], call.xs + x, points);
    const R sum = sum_of_lanes(sums[0]);
    of_motion.offset[a] += sum;
    of_motion.linear[a][0] += sum_of_lanes(sums[1]);
    for (int b = 1; b < rank; ++b) of_motion.linear[a][b] += sum * point.g[b];
  }
}

// The gradients of motions and heatmaps from planes (n, k, z) `begin` to `end`.
template <class T, int rank>
void moved_motion_gradient_planes(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                                  const PlaneGradients<Real<T>, rank>& gradients, Real<T>* memory, int64_t begin,
                                  int64_t end) {
  using R = Real<T>;
  const Volume<const T>& feature = call.feature;
  const int64_t width = feature.width, points_of_spline = call.motions.points;
  R* const heatmap = memory;
  MovedTiles<T, rank> tiles(call, memory + width);
  R* const moved_gradient = memory + width + tiles.room(call);
  alignas(64) R buffer[kTile * kChannelBlock];
  for (int64_t plane = begin; plane < end; ++plane) {
    const int64_t z = plane % feature.depth, k = plane / feature.depth % call.motions.count;
    const int64_t n = plane / feature.depth / call.motions.count, result = n * feature.depth + z;
    Motion<R, rank>& of_motion = gradients.motions[result * call.motions.count + k];
    std::memset(&of_motion, 0, sizeof(of_motion));
    Bend<R>* const bends =
        gradients.bends + (result * (call.motions.count - 1) + std::max<int64_t>(0, k - 1)) * points_of_spline;
    for (int64_t j = 0; j < call.motions.points_of(k); ++j) bends[j] = {};
    heatmap_gradient_plane(call, grad_output, gradients, n, k, z, heatmap);
    if (k == 0 && !gradients.background) continue;
    for (int64_t y = 0; y < feature.height; ++y) {
      tiles.start_row(n, k, z, y);
      const T* const row = grad_output.at(n, z, y) + call.first_channel(k) * grad_output.stride_c;
      for (int64_t x = 0; x < width; x += kTile) {
        const int points = tiles.fill(x, feature);
        alignas(64) R dots[Stencil<R, rank>::corners][kTile] = {};
        for (int64_t c = 0; c < feature.channels; c += kChannelBlock) {
          const int64_t count = std::min<int64_t>(kChannelBlock, feature.channels - c);
          int64_t stride;
          const R* gradient = read_points(buffer, row + c * grad_output.stride_c + x * grad_output.stride_x,
                                          grad_output, points, count, stride);
          dot_corners(tiles.stencil, points, feature.at(n, 0, 0) + c, gradient, stride, count, dots);
        }
        alignas(64) R gradient[rank][kTile];
        gradient_of_coordinates(tiles.stencil, points, dots, gradient);
        if (!tiles.bent(call)) add_affine_gradient(call, tiles.point, gradient, x, points, of_motion);
        for (int a = 0; tiles.bent(call) && a < rank; ++a) {
          std::memcpy(moved_gradient + a * width + x, gradient[a], points * sizeof(R));
        }
      }
      if constexpr (rank == 2) {
        if (tiles.bent(call)) {
          add_moved_row_gradient(call.motions, n, k, tiles.point, call.xs, width, moved_gradient, of_motion, bends);
        }
      }
    }
  }
}

// The gradient of one slab of the feature; `sums` holds the slab.
template <class T, int rank>
void moved_feature_gradient_slab(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output, Real<T>* sums,
                                 Real<T>* memory, const Slab& slab, const Volume<T>& grad_feature) {
  using R = Real<T>;
  const int64_t channels = grad_feature.channels, rows = grad_feature.depth * grad_feature.height;
  MovedTiles<T, rank> tiles(call, memory);
  alignas(64) R buffer[kTile * kChannelBlock];
  std::memset(sums, 0, slab.bytes(channels * sizeof(R)));
  for (int64_t r = 0; r < call.motions.count * rows; ++r) {
    const int64_t k = r / rows, z = r % rows / grad_feature.height, y = r % grad_feature.height;
    tiles.start_row(slab.n, k, z, y);
    const T* const row = grad_output.at(slab.n, z, y) + call.first_channel(k) * grad_output.stride_c;
    for (int64_t x = 0; x < grad_feature.width; x += kTile) {
      if (!slab.touches(tiles.bounds(x))) continue;
      const int points = tiles.fill(x, grad_feature);
      for (int64_t c = 0; c < channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, channels - c);
        int64_t stride;
        const R* gradient = read_points(buffer, row + c * grad_output.stride_c + x * grad_output.stride_x, grad_output,
                                        points, count, stride);
        scatter(tiles.stencil, points, gradient, stride, sums, slab, channels, c, count);
      }
    }
  }
  flush(sums, slab, grad_feature);
}

}  // namespace ptus::PTUS_CAPABILITY
