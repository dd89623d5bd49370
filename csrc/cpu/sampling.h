// Interpolation in a channels-last volume at a tile of points: the stencil (which voxels, which weights), and the three
// things a sampling op does with it: gather values, dot them with a gradient, scatter a gradient.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The stencils of a tile of points. Axis 0 is x, 1 is y, 2 is z; bit `a` of a corner's number says which of axis a's
// two taps it takes.
template <class R, int rank>
struct alignas(64) Stencil {
  static constexpr int corners = 1 << rank;

  R coordinate[rank][kTile];
  int32_t index[rank][2][kTile];
  int64_t offset[rank][2][kTile];  // in elements of the volume
  R weight[rank][2][kTile];
  R slope[rank][2][kTile];
  R corner_weight[corners][kTile];
  int32_t inside[kTile];

  template <int corner>
  PTUS_INLINE int64_t corner_offset(int p) const {
    int64_t sum = offset[0][corner & 1][p] + offset[1][corner >> 1 & 1][p];
    if constexpr (rank == 3) sum += offset[2][corner >> 2][p];
    return sum;
  }
};

template <Interpolation mode, Padding padding, class R, int rank>
PTUS_INLINE void fill_axis(Stencil<R, rank>& stencil, int a, int points, const Axis<R>& axis, int64_t step) {
  // The arrays of a stencil never overlap, which the compiler would otherwise test, with a scalar loop in reserve.
#pragma GCC ivdep
  for (int p = 0; p < points; ++p) {
    const AxisTaps<R> taps = axis_taps<mode, padding>(stencil.coordinate[a][p], axis);
    stencil.index[a][0][p] = taps.index[0];
    stencil.index[a][1][p] = taps.index[1];
    stencil.weight[a][0][p] = taps.weight[0];
    stencil.weight[a][1][p] = taps.weight[1];
    stencil.slope[a][0][p] = taps.slope[0];
    stencil.slope[a][1][p] = taps.slope[1];
    stencil.inside[p] &= static_cast<int32_t>(taps.inside);
  }
#pragma GCC ivdep
  for (int p = 0; p < points; ++p) {
    stencil.offset[a][0][p] = stencil.index[a][0][p] * step;
    stencil.offset[a][1][p] = stencil.index[a][1][p] * step;
  }
}

template <class R, int rank>
void fill_corner_weights(Stencil<R, rank>& stencil, int points) {
  for (int corner = 0; corner < Stencil<R, rank>::corners; ++corner) {
    for (int p = 0; p < points; ++p) {
      R weight = stencil.weight[0][corner & 1][p] * stencil.weight[1][corner >> 1 & 1][p];
      if constexpr (rank == 3) weight *= stencil.weight[2][corner >> 2][p];
      stencil.corner_weight[corner][p] = weight;
    }
  }
}

// The sizes of a volume and its strides: x, y, z.
struct Extent {
  int64_t size[3], stride[3];

  template <class T>
  explicit Extent(const Volume<T>& volume)
      : size{volume.width, volume.height, volume.depth}, stride{volume.stride_x, volume.stride_y, volume.stride_z} {}
};

// Completes a stencil whose coordinates are filled in, for a volume of this extent.
template <Interpolation mode, Padding padding, class R, int rank>
void fill_stencil(Stencil<R, rank>& stencil, int points, const Extent& of, bool align_corners) {
  for (int p = 0; p < points; ++p) stencil.inside[p] = 1;
  for (int a = 0; a < rank; ++a) {
    fill_axis<mode, padding>(stencil, a, points, Axis<R>(of.size[a], align_corners), of.stride[a]);
  }
  fill_corner_weights(stencil, points);
}

template <Interpolation mode, class R, int rank>
void fill_stencil(Stencil<R, rank>& stencil, int points, const Extent& of, const Sampling& sampling) {
  const bool align = sampling.align_corners;
  if (sampling.padding == Padding::zeros) fill_stencil<mode, Padding::zeros>(stencil, points, of, align);
  if (sampling.padding == Padding::border) fill_stencil<mode, Padding::border>(stencil, points, of, align);
  if (sampling.padding == Padding::reflection) fill_stencil<mode, Padding::reflection>(stencil, points, of, align);
}

template <class R, int rank>
void fill_stencil(Stencil<R, rank>& stencil, int points, const Extent& of, const Sampling& sampling) {
  if (sampling.mode == Interpolation::bilinear) {
    fill_stencil<Interpolation::bilinear>(stencil, points, of, sampling);
  } else {
    fill_stencil<Interpolation::nearest>(stencil, points, of, sampling);
  }
}

// Reads the coordinates of `points` points of a grid's row, then completes the stencil.
template <class R, int rank, class T>
void fill_stencil_from_grid(Stencil<R, rank>& stencil, int points, const R* row, const Volume<const R>& grid,
                            const Volume<T>& volume, const Sampling& sampling) {
  for (int a = 0; a < rank; ++a) {
    const R* from = row + a * grid.stride_c;
    for (int p = 0; p < points; ++p) stencil.coordinate[a][p] = from[p * grid.stride_x];
  }
  fill_stencil(stencil, points, Extent(volume), sampling);
}

// Values of `channels` channels at `points` points of a row, one point after the other: in place where the tensor holds
// them so, otherwise copied to the buffer. Sets the distance from one point to the next.
template <class R, class T>
PTUS_INLINE const R* read_points(R* buffer, const T* row, const Volume<const T>& from, int points, int64_t channels,
                                 int64_t& stride) {
  if constexpr (std::is_same_v<R, T>) {
    if (from.stride_c == 1) {
      stride = from.stride_x;
      return row;
    }
  }
  stride = channels;
  copy_matrix(buffer, channels, 1, row, from.stride_x, from.stride_c, points, channels);
  return buffer;
}

template <int lanes, int corners, class R, class T, class Out>
PTUS_INLINE void gather_channels(Out* out, const T* const (&corner)[corners], const R (&weight)[corners], int64_t count,
                                 int64_t c = 0) {
  if constexpr (lanes == kLanes<R> && std::is_same_v<T, BFloat16> && std::is_same_v<Out, BFloat16>) {
    for (; c + 2 * lanes <= count; c += 2 * lanes) {
      VecPair<lanes> sum = {};
#pragma GCC unroll 9
      for (int i = 0; i < corners; ++i) {
        const VecPair<lanes> values = load_pair<lanes>(corner[i] + c);
        sum.even += weight[i] * values.even;
        sum.odd += weight[i] * values.odd;
      }
      store_pair<lanes>(out + c, sum);
    }
  }
  for (; c + lanes <= count; c += lanes) {
    Vec<R, lanes> sum = weight[0] * load<lanes>(corner[0] + c);
#pragma GCC unroll 8
    for (int i = 1; i < corners; ++i) sum += weight[i] * load<lanes>(corner[i] + c);
    store<lanes>(out + c, sum);
  }
  if constexpr (lanes > 1) gather_channels<lanes / 2>(out, corner, weight, count, c);
}

// What a gathered value is added to, at each point: a row of channels, times a weight.
template <class R, class T>
struct Background {
  const T* data;
  int64_t stride;  // from one point to the next
  const R* weight;
};

template <int corners, bool blended, class R, int rank, class T, class Out, int... i>
PTUS_INLINE void gather_point(const Stencil<R, rank>& stencil, int p, const T* sample,
                              const Background<R, T>& background, Out* out, int64_t count,
                              std::integer_sequence<int, i...>) {
  if constexpr (blended) {
    const T* const tap[corners + 1] = {sample + stencil.template corner_offset<i>(p)...,
                                       background.data + p * background.stride};
    const R weight[corners + 1] = {stencil.corner_weight[i][p]..., background.weight[p]};
    gather_channels<kLanes<R>>(out, tap, weight, count);
  } else {
    const T* const corner[corners] = {sample + stencil.template corner_offset<i>(p)...};
    const R weight[corners] = {stencil.corner_weight[i][p]...};
    gather_channels<kLanes<R>>(out, corner, weight, count);
  }
}

// Of `fixed` channels where that is not 0.
template <bool blended, int fixed, class R, int rank, class T, class Out>
void gather_points(const Background<R, T>& background, const Stencil<R, rank>& stencil, int points, const T* sample,
                   Interpolation mode, Out* out, int64_t out_stride, int64_t channels) {
  constexpr int corners = Stencil<R, rank>::corners;
  const int64_t count = fixed != 0 ? fixed : channels;
  for (int p = 0; p < points; ++p) {
    Out* to = out + p * out_stride;
    if (!stencil.inside[p]) {
      if constexpr (blended) {
        const T* const tap[1] = {background.data + p * background.stride};
        const R weight[1] = {background.weight[p]};
        gather_channels<kLanes<R>>(to, tap, weight, count);
      } else {
        std::memset(static_cast<void*>(to), 0, count * sizeof(Out));
      }
    } else if (mode == Interpolation::bilinear) {
      gather_point<corners, blended>(stencil, p, sample, background, to, count,
                                     std::make_integer_sequence<int, corners>{});
    } else {
      gather_point<1, blended>(stencil, p, sample, background, to, count, std::make_integer_sequence<int, 1>{});
    }
  }
}

// out[p * out_stride + c] = the interpolated value of channel c at point p, and its background if it is blended.
// Nearest reads its one voxel alone, so that an infinite neighbour cannot turn it into NaN. Few channels are a case of
// their own each: counting them would take longer than reading them.
template <bool blended, class R, int rank, class T, class Out>
void gather_onto(const Background<R, T>& background, const Stencil<R, rank>& stencil, int points, const T* sample,
                 Interpolation mode, Out* out, int64_t out_stride, int64_t channels) {
  const auto run = channels == 1   ? gather_points<blended, 1, R, rank, T, Out>
                   : channels == 2 ? gather_points<blended, 2, R, rank, T, Out>
                   : channels == 3 ? gather_points<blended, 3, R, rank, T, Out>
                   : channels == 4 ? gather_points<blended, 4, R, rank, T, Out>
                                   : gather_points<blended, 0, R, rank, T, Out>;
  run(background, stencil, points, sample, mode, out, out_stride, channels);
}

template <class R, int rank, class T, class Out>
void gather(const Stencil<R, rank>& stencil, int points, const T* sample, Interpolation mode, Out* out,
            int64_t out_stride, int64_t channels) {
  gather_onto<false>(Background<R, T>{}, stencil, points, sample, mode, out, out_stride, channels);
}

template <int lanes, int corners, class R, class T>
PTUS_INLINE void dot_channels(R (&dot)[corners], const R* gradient, const T* const (&corner)[corners], int64_t count,
                              int64_t c = 0) {
  if (c + lanes <= count) {
    Vec<R, lanes> sum[corners] = {};
    for (; c + lanes <= count; c += lanes) {
      const Vec<R, lanes> g = load<lanes>(gradient + c);
#pragma GCC unroll 8
      for (int i = 0; i < corners; ++i) sum[i] += g * load<lanes>(corner[i] + c);
    }
#pragma GCC unroll 8
    for (int i = 0; i < corners; ++i) dot[i] += sum_lanes<lanes, R>(sum[i]);
  }
  if constexpr (lanes > 1) dot_channels<lanes / 2>(dot, gradient, corner, count, c);
}

template <class R, int rank, class T, int... i>
PTUS_INLINE void dot_point(const Stencil<R, rank>& stencil, int p, const T* sample, const R* gradient, int64_t count,
                           R* out, std::integer_sequence<int, i...>) {
  constexpr int corners = Stencil<R, rank>::corners;
  const T* const corner[corners] = {sample + stencil.template corner_offset<i>(p)...};
  R dot[corners] = {};
  dot_channels<kLanes<R>>(dot, gradient, corner, count);
  for (int k = 0; k < corners; ++k) out[k * kTile + p] += dot[k];
}

// dots[corner][p] += the sum over channels of gradient[p][c] times the corner's voxel. Every gradient of an
// interpolation with respect to its coordinates, or to a factor on its result, is a combination of these.
template <class R, int rank, class T>
void dot_corners(const Stencil<R, rank>& stencil, int points, const T* sample, const R* gradient,
                 int64_t gradient_stride, int64_t channels, R (&dots)[Stencil<R, rank>::corners][kTile]) {
  for (int p = 0; p < points; ++p) {
    if (!stencil.inside[p]) continue;
    dot_point(stencil, p, sample, gradient + p * gradient_stride, channels, &dots[0][0],
              std::make_integer_sequence<int, Stencil<R, rank>::corners>{});
  }
}

// d/d coordinate: along its own axis a corner counts with the slope of its tap, along the others with the weight.
template <class R, int rank>
void gradient_of_coordinates(const Stencil<R, rank>& stencil, int points,
                             const R (&dots)[Stencil<R, rank>::corners][kTile], R (&gradient)[rank][kTile]) {
  for (int a = 0; a < rank; ++a) {
    for (int p = 0; p < points; ++p) gradient[a][p] = 0;
    for (int corner = 0; corner < Stencil<R, rank>::corners; ++corner) {
      for (int p = 0; p < points; ++p) {
        R factor = 1;
        for (int b = 0; b < rank; ++b) {
          const int tap = corner >> b & 1;
          factor *= a == b ? stencil.slope[b][tap][p] : stencil.weight[b][tap][p];
        }
        // What does not move takes nothing from a voxel, not even 0 times an infinite one.
        gradient[a][p] += factor != 0 ? factor * dots[corner][p] : R(0);
      }
    }
    for (int p = 0; p < points; ++p) gradient[a][p] = stencil.inside[p] ? gradient[a][p] : R(0);
  }
}

}  // namespace ptus::PTUS_CAPABILITY
