// Loops of sampling and blending over rows of points and slabs of the volume. Its channels should lie last: otherwise
// each tile of points copies the voxels that it reads.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// A tile of points: `count` of them, from `x` of the row on.
struct PointTile {
  int64_t x;
  int count;

  PointTile(int64_t tile, int64_t width)
      : x(tile * kTile), count(static_cast<int>(std::min<int64_t>(kTile, width - tile * kTile))) {}
};

template <class T, class R, int rank>
PTUS_INLINE void fill_stencil_of_tile(Stencil<R, rank>& stencil, const Warp<T>& of, const RowIndex& row,
                                      const PointTile& tile) {
  const R* const coordinates = of.points.at(row.n, row.z, row.y) + tile.x * of.points.stride_x;
  fill_stencil_from_grid(stencil, tile.count, coordinates, of.points, of.input, of.sampling);
}

// o of one row of points at a time; where there is no occlusion map, none.
template <class R>
class RowOcclusion {
 public:
  RowOcclusion(const OcclusionMap<R>* occlusion, int64_t width)
      : present_(occlusion != nullptr),
        rows_(occlusion),
        row_(present_ ? width * static_cast<int64_t>(sizeof(R)) : 0) {}

  void fill(const RowIndex& row) const {
    if (present_) rows_.fill(row_.template as<R>(), row.n, row.y);
  }
  const R* at(int64_t x) const { return present_ ? row_.template as<R>() + x : nullptr; }

 private:
  const bool present_;
  const OcclusionRows<R> rows_;
  const Scratch row_;
};

template <class R>
PTUS_INLINE void multiply(R (&numbers)[kTile], const R* by, int count) {
#pragma GCC ivdep
  for (int p = 0; p < count; ++p) numbers[p] *= by[p];
}

template <class R>
PTUS_INLINE void complement(R (&rest)[kTile], const R* o, int count) {
  for (int p = 0; p < count; ++p) rest[p] = 1 - o[p];
}

// Rows `begin` to `end` of the output, over batch, depth and height. Since o multiplies the weights, and the background
// is one more tap, blending costs little beside sampling.
template <class T, int rank>
void warp_rows(const Warp<T>& of, const Volume<T>& output, int64_t begin, int64_t end) {
  using R = Real<T>;
  Stencil<R, rank> stencil;
  alignas(64) R buffer[kTile * kChannelBlock];
  alignas(64) T behind[kTile * kChannelBlock];
  alignas(64) R rest[kTile];
  const bool blended = of.background.data != nullptr;
  const bool in_place = output.stride_c == 1 && (!blended || of.background.stride_c == 1);
  const int64_t channels = of.input.channels, block = in_place ? channels : kChannelBlock;
  const RowOcclusion<R> occlusion(of.occlusion, output.width);
  const CornerCopies<T, R, rank> corners(of.input);
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, output);
    occlusion.fill(row);
    for (int64_t t = 0; t < tiles_of(output.width); ++t) {
      const PointTile tile(t, output.width);
      if (blended && in_place) {
        prefetch(of.background.at(row.n, row.z, row.y) + tile.x * of.background.stride_x, of.background.stride_x,
                 tile.count, channels);
      }
      fill_stencil_of_tile(stencil, of, row, tile);
      if (const R* const o = occlusion.at(tile.x)) {
        for (auto& weight : stencil.corner_weight) multiply(weight, o, tile.count);
        complement(rest, o, tile.count);
      }
      T* const out = output.at(row.n, row.z, row.y) + tile.x * output.stride_x;
      const T* const sample = corners.read(stencil, tile.count, of.input.at(row.n, 0, 0));
      for (int64_t c = 0; c < channels; c += block) {
        const int64_t count = std::min(block, channels - c);
        Background<R, T> background = {nullptr, 0, rest};
        if (blended) {
          const T* const from = of.background.at(row.n, row.z, row.y) + tile.x * of.background.stride_x;
          background.data = read_points(behind, from + c * of.background.stride_c, of.background, tile.count, count,
                                        background.stride);
        }
        T* const to = out + c * output.stride_c;
        if (output.stride_c == 1 && blended) {
          gather_onto<true>(background, stencil, tile.count, sample + c, of.sampling.mode, to, output.stride_x, count);
        } else if (output.stride_c == 1) {
          gather(stencil, tile.count, sample + c, of.sampling.mode, to, output.stride_x, count);
        } else {
          if (blended) {
            gather_onto<true>(background, stencil, tile.count, sample + c, of.sampling.mode, buffer, count, count);
          } else {
            prefetch(to, output.stride_c, count, tile.count);
            gather(stencil, tile.count, sample + c, of.sampling.mode, buffer, count, count);
          }
          copy_matrix(to, output.stride_x, output.stride_c, static_cast<const R*>(buffer), count, 1, tile.count, count);
        }
      }
    }
  }
}

template <int lanes, class R>
PTUS_INLINE R dot_line(const R* a, const R* b, int64_t count, int64_t i = 0) {
  Vec<R, lanes> sum = {};
  for (; i + lanes <= count; i += lanes) sum += load<lanes>(a + i) * load<lanes>(b + i);
  R total = sum_lanes<lanes, R>(sum);
  if constexpr (lanes > 1) total += dot_line<lanes / 2>(a, b, count, i);
  return total;
}

template <int lanes, class To, class R>
PTUS_INLINE void scale_line(To* to, const R* from, R factor, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) store<lanes>(to + i, factor * load<lanes>(from + i));
  if constexpr (lanes > 1) scale_line<lanes / 2>(to, from, factor, count, i);
}

// The gradients of points, map and background. Rows are numbered over batch, height and depth, in this order; where the
// map's is asked for, `begin` and `end` are at whole pixels, since it sums over the depth.
template <class T, int rank>
void warp_gradient_rows(const Warp<T>& of, const WarpGradients<T>& to, int64_t begin, int64_t end) {
  using R = Real<T>;
  constexpr int lanes = kLanes<R>, corners = Stencil<R, rank>::corners;
  const Volume<const T>& like = to.grad_output;
  const bool wants_points = to.grad_points.data != nullptr, wants_map = to.pixels != nullptr;
  const bool wants_background = to.grad_background.data != nullptr, samples = wants_points || wants_map;
  const bool reads_background = wants_map && of.background.data != nullptr;
  const int taps_with_weight = of.sampling.mode == Interpolation::bilinear ? corners : 1;
  Stencil<R, rank> stencil;
  alignas(64) R buffer[kTile * kChannelBlock];
  alignas(64) R second_buffer[kTile * kChannelBlock];
  alignas(64) R rest[kTile];
  const RowOcclusion<R> occlusion(of.occlusion, like.width);
  const CornerCopies<T, R, rank> copies(samples ? of.input : Volume<const T>{});
  for (int64_t r = begin; r < end; ++r) {
    const int64_t pixel_row = r / like.depth;
    const RowIndex row((pixel_row / like.height * like.depth + r % like.depth) * like.height + pixel_row % like.height,
                       like);
    if (row.z == 0 || r == begin) occlusion.fill(row);
    R* const pixels = wants_map ? to.pixels + pixel_row * like.width : nullptr;
    if (wants_map && row.z == 0) std::memset(pixels, 0, like.width * sizeof(R));
    for (int64_t t = 0; t < tiles_of(like.width); ++t) {
      const PointTile tile(t, like.width);
      const R* const o = occlusion.at(tile.x);
      if (reads_background && of.background.stride_c == 1) {
        prefetch(of.background.at(row.n, row.z, row.y) + tile.x * of.background.stride_x, of.background.stride_x,
                 tile.count, like.channels);
      }
      const T* sample = nullptr;
      if (samples) {
        fill_stencil_of_tile(stencil, of, row, tile);
        sample = copies.read(stencil, tile.count, of.input.at(row.n, 0, 0));
      }
      if (wants_background) complement(rest, o, tile.count);
      alignas(64) R dots[corners][kTile] = {}, hidden[kTile] = {};
      for (int64_t c = 0; c < like.channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, like.channels - c);
        int64_t stride, second_stride;
        const T* const from = like.at(row.n, row.z, row.y) + tile.x * like.stride_x + c * like.stride_c;
        const R* const gradient = read_points(buffer, from, like, tile.count, count, stride);
        if (samples) {
          dot_corners(stencil, tile.count, sample + c, gradient, stride, count, dots);
        }
        if (reads_background) {
          const Volume<const T>& background = of.background;
          const T* const behind =
              background.at(row.n, row.z, row.y) + tile.x * background.stride_x + c * background.stride_c;
          const R* const second = read_points(second_buffer, behind, background, tile.count, count, second_stride);
          for (int p = 0; p < tile.count; ++p) {
            hidden[p] += dot_line<lanes>(gradient + p * stride, second + p * second_stride, count);
          }
        }
        if (wants_background) {
          const Volume<T>& grad = to.grad_background;
          T* const out = grad.at(row.n, row.z, row.y) + tile.x * grad.stride_x + c * grad.stride_c;
          if (grad.stride_c == 1) {
            for (int p = 0; p < tile.count; ++p) {
              scale_line<lanes>(out + p * grad.stride_x, gradient + p * stride, rest[p], count);
            }
          } else {
            for (int p = 0; p < tile.count; ++p) {
              scale_line<lanes>(second_buffer + p * count, gradient + p * stride, rest[p], count);
            }
            copy_matrix(out, grad.stride_x, grad.stride_c, static_cast<const R*>(second_buffer), count, 1, tile.count,
                        count);
          }
        }
      }
      if (wants_points) {
        alignas(64) R gradient[rank][kTile];
        gradient_of_coordinates(stencil, tile.count, dots, gradient);
        if (o != nullptr) {
          for (auto& along_axis : gradient) multiply(along_axis, o, tile.count);
        }
        const Volume<R>& grad = to.grad_points;
        copy_matrix(grad.at(row.n, row.z, row.y) + tile.x * grad.stride_x, grad.stride_x, grad.stride_c,
                    static_cast<const R*>(&gradient[0][0]), 1, kTile, tile.count, rank);
      }
      if (wants_map) {
        for (int i = 0; i < taps_with_weight; ++i) {
          for (int p = 0; p < tile.count; ++p) pixels[tile.x + p] += stencil.corner_weight[i][p] * dots[i][p];
        }
        for (int p = 0; p < tile.count; ++p) pixels[tile.x + p] -= hidden[p];
      }
    }
    if (wants_map && row.z == like.depth - 1 && of.occlusion->sigmoid) {
      multiply_by_sigmoid_slope(pixels, occlusion.at(0), like.width);
    }
  }
}

// Which rows of voxels each tile of points reads, for rows `begin` to `end` of the points.
template <class T, int rank>
void warp_bounds_rows(const Warp<T>& of, TileBounds* bounds, int64_t begin, int64_t end) {
  Stencil<Real<T>, rank> stencil;
  const int64_t tiles = tiles_of(of.points.width);
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t t = 0; t < tiles; ++t) {
      const PointTile tile(t, of.points.width);
      fill_stencil_of_tile(stencil, of, RowIndex(r, of.points), tile);
      bounds[r * tiles + t] = bounds_of(stencil, tile.count);
    }
  }
}

// The gradient of one slab of the input; `sums` holds the slab.
template <class T, int rank>
void warp_input_gradient_slab(const Warp<T>& of, const Volume<const T>& grad_output, const TileBounds* bounds,
                              const RowOcclusion<Real<T>>& occlusion, Real<T>* sums, const Slab& slab,
                              const Volume<T>& grad_input) {
  using R = Real<T>;
  Stencil<R, rank> stencil;
  alignas(64) R buffer[kTile * kChannelBlock];
  const int64_t channels = grad_input.channels, rows = of.points.depth * of.points.height;
  const int64_t tiles = tiles_of(of.points.width);
  std::memset(sums, 0, slab.bytes(channels * sizeof(R)));
  for (int64_t r = slab.n * rows; r < (slab.n + 1) * rows; ++r) {
    const RowIndex row(r, of.points);
    bool filled = false;
    for (int64_t t = 0; t < tiles; ++t) {
      if (!slab.touches(bounds[r * tiles + t])) continue;
      const PointTile tile(t, of.points.width);
      fill_stencil_of_tile(stencil, of, row, tile);
      if (!filled) occlusion.fill(row);
      filled = true;
      if (const R* const o = occlusion.at(tile.x)) {
        for (auto& weight : stencil.weight[0]) multiply(weight, o, tile.count);
      }
      const T* const from = grad_output.at(row.n, row.z, row.y) + tile.x * grad_output.stride_x;
      if (grad_output.stride_c == 1) prefetch(from, grad_output.stride_x, tile.count, channels);
      for (int64_t c = 0; c < channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, channels - c);
        int64_t stride;
        const R* const gradient =
            read_points(buffer, from + c * grad_output.stride_c, grad_output, tile.count, count, stride);
        scatter(stencil, tile.count, gradient, stride, sums, slab, channels, c, count);
      }
    }
  }
  flush(sums, slab, grad_input);
}

// The same for slabs `begin` to `end`.
template <class T, int rank>
void warp_input_gradient_slabs(const Warp<T>& of, const Volume<const T>& grad_output, const TileBounds* bounds,
                               const Slabs& slabs, const Volume<T>& grad_input, int64_t begin, int64_t end) {
  const RowOcclusion<Real<T>> occlusion(of.occlusion, of.points.width);
  const Scratch sums(slabs.bytes());
  for (int64_t i = begin; i < end; ++i) {
    warp_input_gradient_slab<T, rank>(of, grad_output, bounds, occlusion, sums.template as<Real<T>>(), slabs[i],
                                      grad_input);
  }
}

}  // namespace ptus::PTUS_CAPABILITY
