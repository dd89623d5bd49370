// Loops of grid_sample over rows of the grid and slabs of the volume. `input` has its channels last.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Rows `begin` to `end` of the output, over batch, depth and height.
template <class T, int rank>
void grid_sample_rows(const Volume<const T>& input, const Volume<const Real<T>>& grid, const Sampling& sampling,
                      const Volume<T>& output, int64_t begin, int64_t end) {
  using R = Real<T>;
  Stencil<R, rank> stencil;
  alignas(64) R buffer[kTile * kChannelBlock];
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, grid);
    for (int64_t x = 0; x < grid.width; x += kTile) {
      const int points = static_cast<int>(std::min<int64_t>(kTile, grid.width - x));
      const R* coordinates = grid.at(row.n, row.z, row.y) + x * grid.stride_x;
      fill_stencil_from_grid(stencil, points, coordinates, grid, input, sampling);
      T* to = output.at(row.n, row.z, row.y) + x * output.stride_x;
      const T* sample = input.at(row.n, 0, 0);
      if (output.stride_c == 1) {
        gather(stencil, points, sample, sampling.mode, to, output.stride_x, input.channels);
        continue;
      }
      for (int64_t c = 0; c < input.channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, input.channels - c);
        gather(stencil, points, sample + c, sampling.mode, buffer, count, count);
        copy_matrix(to + c * output.stride_c, output.stride_x, output.stride_c, buffer, count, 1, points, count);
      }
    }
  }
}

// The gradient of the grid, for rows `begin` to `end` of the output.
template <class T, int rank>
void grid_sample_grid_gradient_rows(const Volume<const T>& input, const Volume<const Real<T>>& grid,
                                    const Sampling& sampling, const Volume<const T>& grad_output,
                                    const Volume<Real<T>>& grad_grid, int64_t begin, int64_t end) {
  using R = Real<T>;
  Stencil<R, rank> stencil;
  alignas(64) R buffer[kTile * kChannelBlock];
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, grid);
    for (int64_t x = 0; x < grid.width; x += kTile) {
      const int points = static_cast<int>(std::min<int64_t>(kTile, grid.width - x));
      const R* coordinates = grid.at(row.n, row.z, row.y) + x * grid.stride_x;
      fill_stencil_from_grid(stencil, points, coordinates, grid, input, sampling);
      const T* from = grad_output.at(row.n, row.z, row.y) + x * grad_output.stride_x;
      R dots[Stencil<R, rank>::corners][kTile] = {};
      for (int64_t c = 0; c < input.channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, input.channels - c);
        int64_t stride;
        const R* gradient = read_points(buffer, from + c * grad_output.stride_c, grad_output, points, count, stride);
        dot_corners(stencil, points, input.at(row.n, 0, 0) + c, gradient, stride, count, dots);
      }
      R gradient[rank][kTile];
      gradient_of_coordinates(stencil, points, dots, gradient);
      copy_matrix(grad_grid.at(row.n, row.z, row.y) + x * grad_grid.stride_x, grad_grid.stride_x, grad_grid.stride_c,
                  &gradient[0][0], 1, kTile, points, rank);
    }
  }
}

// Which rows of voxels each tile of points reads, for rows `begin` to `end` of the grid.
template <class T, int rank>
void grid_sample_bounds_rows(const Volume<const T>& input, const Volume<const Real<T>>& grid, const Sampling& sampling,
                             TileBounds* bounds, int64_t begin, int64_t end) {
  Stencil<Real<T>, rank> stencil;
  const int64_t tiles = tiles_of(grid.width);
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, grid);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t x = tile * kTile;
      const int points = static_cast<int>(std::min<int64_t>(kTile, grid.width - x));
      const Real<T>* coordinates = grid.at(row.n, row.z, row.y) + x * grid.stride_x;
      fill_stencil_from_grid(stencil, points, coordinates, grid, input, sampling);
      bounds[r * tiles + tile] = bounds_of(stencil, points);
    }
  }
}

// The gradient of one slab of the input; `sums` holds the slab.
template <class T, int rank>
void grid_sample_input_gradient_slab(const Volume<const Real<T>>& grid, const Sampling& sampling,
                                     const Volume<const T>& grad_output, const TileBounds* bounds, Real<T>* sums,
                                     const Slab& slab, const Volume<T>& grad_input) {
  using R = Real<T>;
  Stencil<R, rank> stencil;
  alignas(64) R buffer[kTile * kChannelBlock];
  const int64_t channels = grad_input.channels, rows = grid.depth * grid.height, tiles = tiles_of(grid.width);
  std::memset(sums, 0, slab.bytes(channels * sizeof(R)));
  for (int64_t r = slab.n * rows; r < (slab.n + 1) * rows; ++r) {
    const RowIndex row(r, grid);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      if (!slab.touches(bounds[r * tiles + tile])) continue;
      const int64_t x = tile * kTile;
      const int points = static_cast<int>(std::min<int64_t>(kTile, grid.width - x));
      const R* coordinates = grid.at(row.n, row.z, row.y) + x * grid.stride_x;
      fill_stencil_from_grid(stencil, points, coordinates, grid, grad_input, sampling);
      const T* from = grad_output.at(row.n, row.z, row.y) + x * grad_output.stride_x;
      for (int64_t c = 0; c < channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, channels - c);
        int64_t stride;
        const R* gradient = read_points(buffer, from + c * grad_output.stride_c, grad_output, points, count, stride);
        scatter(stencil, points, gradient, stride, sums, slab, channels, c, count);
      }
    }
  }
  flush(sums, slab, grad_input);
}

}  // namespace ptus::PTUS_CAPABILITY
