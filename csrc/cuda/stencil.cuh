#pragma once

#include "common/coordinates.h"
#include "cuda/points.cuh"

// Which voxels interpolation reads at one point, and with which weights: found once, then used for every channel.

namespace ptus::cuda {

// Axis 0 is x, 1 is y, 2 is z; bit `a` of a corner's number says which of axis a's two taps it takes.
template <class R, int rank>
struct Stencil {
  static constexpr int corners = 1 << rank;

  int64_t offset[rank][2];  // in elements of the volume
  R weight[rank][2];
  R slope[rank][2];
  bool inside;

  __device__ int64_t corner_offset(int corner) const {
    int64_t sum = 0;
#pragma unroll
    for (int a = 0; a < rank; ++a) sum += offset[a][corner >> a & 1];
    return sum;
  }

  __device__ R corner_weight(int corner) const {
    R product = 1;
#pragma unroll
    for (int a = 0; a < rank; ++a) product *= weight[a][corner >> a & 1];
    return product;
  }

  // The weight of a corner where a voxel that takes both places of an axis counts once: one addition rounds less than
  // two, and costs less.
  __device__ R merged_weight(int corner) const {
    R product = 1;
#pragma unroll
    for (int a = 0; a < rank; ++a) {
      const bool alone = offset[a][0] == offset[a][1];
      const R first = alone ? weight[a][0] + weight[a][1] : weight[a][0];
      const R second = alone ? R(0) : weight[a][1];
      product *= corner >> a & 1 ? second : first;
    }
    return product;
  }

  // d (the interpolated value, times a gradient) / d coordinate a, from the gradient times each corner's voxel.
  __device__ R slope_along(int a, const R (&dots)[corners]) const {
    R sum = 0;
#pragma unroll
    for (int corner = 0; corner < corners; ++corner) {
      R factor = 1;
#pragma unroll
      for (int b = 0; b < rank; ++b) factor *= a == b ? slope[b][corner >> b & 1] : weight[b][corner >> b & 1];
      // What does not move takes nothing from a voxel, not even 0 times an infinite one.
      sum += factor != 0 ? factor * dots[corner] : R(0);
    }
    return sum;
  }
};

// The stencil in `volume` at these coordinates (x, y, z).
template <int rank, class R, class T>
__device__ inline Stencil<R, rank> stencil_at(const R (&coordinate)[rank], const Volume<T>& volume,
                                              const Sampling& sampling) {
  const int64_t sizes[3] = {volume.width, volume.height, volume.depth};
  const int64_t strides[3] = {volume.stride_x, volume.stride_y, volume.stride_z};
  Stencil<R, rank> stencil;
  stencil.inside = true;
#pragma unroll
  for (int a = 0; a < rank; ++a) {
    const Axis<R> axis(sizes[a], sampling.align_corners);
    const AxisTaps<R> taps = axis_taps(coordinate[a], axis, sampling.mode, sampling.padding);
#pragma unroll
    for (int t = 0; t < 2; ++t) {
      stencil.offset[a][t] = taps.index[t] * strides[a];
      stencil.weight[a][t] = taps.weight[t];
      stencil.slope[a][t] = taps.slope[t];
    }
    stencil.inside &= taps.inside;
  }
  return stencil;
}

// dots[corner] += the corner's voxel times the gradient, over a pack of channels.
template <int size, int rank, class R, class T>
__device__ inline void add_dots(R (&dots)[1 << rank], const Stencil<R, rank>& stencil, const T* channels,
                                const R (&gradient)[size]) {
#pragma unroll
  for (int corner = 0; corner < (1 << rank); ++corner) {
    R value[size];
    load(value, channels + stencil.corner_offset(corner));
#pragma unroll
    for (int i = 0; i < size; ++i) dots[corner] += gradient[i] * value[i];
  }
}

// sum += the interpolated value of a pack of channels, where corner i weighs weight[i]. Nearest reads its one voxel
// alone, so that an infinite neighbour cannot turn it into NaN.
template <int size, int rank, class R, class T>
__device__ inline void add_interpolated(R (&sum)[size], const Stencil<R, rank>& stencil, const R (&weight)[1 << rank],
                                        Interpolation mode, const T* channels) {
  R value[size];
  if (mode == Interpolation::nearest) {
    load(value, channels + stencil.corner_offset(0));
#pragma unroll
    for (int i = 0; i < size; ++i) sum[i] += weight[0] * value[i];
    return;
  }
#pragma unroll
  for (int corner = 0; corner < (1 << rank); ++corner) {
    load(value, channels + stencil.corner_offset(corner));
#pragma unroll
    for (int i = 0; i < size; ++i) sum[i] += weight[corner] * value[i];
  }
}

}  // namespace ptus::cuda
