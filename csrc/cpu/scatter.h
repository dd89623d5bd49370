// The adjoint of interpolation: gradients at points, added to the voxels they were read from. A thread owns a slab of
// the volume (some rows of one plane, or some planes), scans the tiles of points that touch it, sums in a buffer that
// stays in cache, and writes the slab once. No atomics, and every voxel sums its points in their own order whatever the
// number of threads. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

template <class R, int rank>
TileBounds bounds_of(const Stencil<R, rank>& stencil, int points) {
  TileBounds bounds = {{INT32_MAX, INT32_MAX}, {-1, -1}};
  for (int a = 1; a < rank; ++a) {
    int32_t low = INT32_MAX, high = -1;
    for (int t = 0; t < 2; ++t) {
      for (int p = 0; p < points; ++p) {
        low = std::min(low, stencil.inside[p] ? stencil.index[a][t][p] : INT32_MAX);
        high = std::max(high, stencil.inside[p] ? stencil.index[a][t][p] : -1);
      }
    }
    bounds.low[a - 1] = low;
    bounds.high[a - 1] = high;
  }
  if (rank == 2) bounds.low[1] = bounds.high[1] = 0;
  return bounds;
}

// The weight of a tap, where a voxel that takes both places of an axis is added to once: many small additions would
// lose more to rounding than one.
template <class R, int rank>
PTUS_INLINE R merged_weight(const Stencil<R, rank>& stencil, int axis, int tap, int p) {
  const R first = stencil.weight[axis][0][p], second = stencil.weight[axis][1][p];
  const bool alone = stencil.index[axis][0][p] == stencil.index[axis][1][p];
  const R both = alone ? first + second : first;
  const R other = alone ? R(0) : second;
  return tap == 0 ? both : other;
}

// Where in a slab's sums the rows lie that a tile of points reads: row `r` takes tap `r & 1` of y and `r >> 1` of z.
// -1 where the slab does not hold the row, or the point takes nothing from it.
template <class R, int rank>
struct alignas(64) SlabRows {
  static constexpr int count = 1 << (rank - 1);
  int64_t start[count][kTile];
  R weight[count][kTile];

  SlabRows(const Stencil<R, rank>& stencil, int points, const Slab& slab, int64_t elements_of_row) {
    const int32_t y_begin = static_cast<int32_t>(slab.y_begin), y_rows = static_cast<int32_t>(slab.y_end) - y_begin;
    const int32_t z_begin = static_cast<int32_t>(slab.z_begin), z_rows = static_cast<int32_t>(slab.z_end) - z_begin;
    for (int r = 0; r < count; ++r) {
      const int32_t* const ys = stencil.index[1][r & 1];
      const int32_t* const zs = stencil.index[rank - 1][r >> 1];
      alignas(64) int32_t row[kTile];
      for (int p = 0; p < points; ++p) {
        const int32_t y = ys[p] - y_begin, z = rank == 3 ? zs[p] - z_begin : 0;
        const R wy = merged_weight(stencil, 1, r & 1, p);
        const R w = rank == 3 ? wy * merged_weight(stencil, rank - 1, r >> 1, p) : wy;
        const bool held = (y >= 0) & (y < y_rows) & (z >= 0) & (z < z_rows) & (stencil.inside[p] != 0) & (w != 0);
        weight[r][p] = w;
        row[p] = held ? z * y_rows + y : -1;
      }
      for (int p = 0; p < points; ++p) start[r][p] = row[p] < 0 ? -1 : row[p] * elements_of_row;
    }
  }
};

template <int lanes, int taps, class R>
PTUS_INLINE void scatter_channels(R* const (&to)[taps], const R (&weight)[taps], const R* gradient, int64_t count,
                                  int64_t c = 0) {
  for (; c + lanes <= count; c += lanes) {
    const Vec<R, lanes> g = load<lanes>(gradient + c);
#pragma GCC unroll 2
    for (int t = 0; t < taps; ++t) store<lanes>(to[t] + c, load<lanes>(to[t] + c) + weight[t] * g);
  }
  if constexpr (lanes > 1) scatter_channels<lanes / 2>(to, weight, gradient, count, c);
}

// Adds the gradients of a tile of points to those of their voxels that lie in the slab: channels `first` to
// `first + count` of `channels`.
template <class R, int rank>
void scatter(const Stencil<R, rank>& stencil, int points, const R* gradient, int64_t gradient_stride, R* sums,
             const Slab& slab, int64_t channels, int64_t first, int64_t count) {
  const SlabRows<R, rank> rows(stencil, points, slab, slab.width * channels);
  for (int p = 0; p < points; ++p) {
    const R* const g = gradient + p * gradient_stride;
    const R x_weight[2] = {merged_weight(stencil, 0, 0, p), merged_weight(stencil, 0, 1, p)};
    const int64_t x_start[2] = {stencil.index[0][0][p] * channels + first, stencil.index[0][1][p] * channels + first};
#pragma GCC unroll 4
    for (int r = 0; r < rows.count; ++r) {
      if (rows.start[r][p] < 0) continue;
      R* const row = sums + rows.start[r][p];
      const R weight[2] = {rows.weight[r][p] * x_weight[0], rows.weight[r][p] * x_weight[1]};
      // A tap without weight takes nothing, not even 0 times an infinite gradient.
      if (weight[0] != 0 && weight[1] != 0) {
        R* const to[2] = {row + x_start[0], row + x_start[1]};
        scatter_channels<kLanes<R>>(to, weight, g, count);
      } else if (weight[0] != 0 || weight[1] != 0) {
        const int t = weight[0] != 0 ? 0 : 1;
        R* const to[1] = {row + x_start[t]};
        const R only[1] = {weight[t]};
        scatter_channels<kLanes<R>>(to, only, g, count);
      }
    }
  }
}

// Writes the slab's sums to the volume.
template <class R, class T>
void flush(const R* sums, const Slab& slab, const Volume<T>& volume) {
  for (int64_t z = slab.z_begin; z < slab.z_end; ++z) {
    for (int64_t y = slab.y_begin; y < slab.y_end; ++y) {
      copy_matrix(volume.at(slab.n, z, y), volume.stride_x, volume.stride_c,
                  sums + slab.row(z, y) * slab.width * volume.channels, volume.channels, 1, slab.width,
                  volume.channels);
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
