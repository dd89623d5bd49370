#pragma once

#include "cuda/fixed_point.cuh"
#include "cuda/occlusion.cuh"
#include "cuda/scatter.cuh"
#include "cuda/stencil.cuh"

// The kernels of sampling and blending. Channels are treated in packs of `pack` that lie side by side, or one by one.

namespace ptus::cuda {

// A call as its kernels see it. Without an occlusion map there is no background either; a background without data is 0.
template <class T>
struct Warp {
  Volume<const T> input;
  Volume<const Real<T>> points;
  OcclusionMap<Real<T>> occlusion;
  Volume<const T> background;
  Sampling sampling;
};

// The gradients; those without data are not asked for. `input` is where sums are added up, with the strides of the
// call's input; `layers` is the gradient of o at each point, a dense (batch, depth, height, width).
template <class T>
struct WarpGradients {
  Volume<const T> output;
  Real<T>* input;
  Volume<Real<T>> points;
  Real<T>* layers;
  Volume<T> background;
};

template <int rank, class T>
__device__ inline Stencil<Real<T>, rank> stencil_of(const Warp<T>& of, const Point& point) {
  const Real<T>* const from = at(of.points, point);
  Real<T> coordinate[rank];
#pragma unroll
  for (int a = 0; a < rank; ++a) coordinate[a] = from[a * of.points.stride_c];
  return stencil_at<rank>(coordinate, of.input, of.sampling);
}

template <class T, int rank, int pack>
__global__ void __launch_bounds__(kThreads) warp_kernel(Warp<T> of, Volume<T> output, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const Point point = point_of(item, output);
  const Stencil<R, rank> stencil = stencil_of<rank>(of, point);
  // Since o multiplies the weights, blending costs little beside sampling.
  const bool blended = of.background.data != nullptr;
  const R o = of.occlusion.map.data != nullptr ? of.occlusion.at(point.n, point.y, point.x) : R(1);
  R weight[1 << rank];
#pragma unroll
  for (int corner = 0; corner < (1 << rank); ++corner) weight[corner] = stencil.corner_weight(corner) * o;
  const T* const input = of.input.data + point.n * of.input.stride_n;
  const T* const background = blended ? at(of.background, point) : nullptr;
  T* const to = at(output, point);
  for (int64_t p = share.first; p < share.last; p += share.step) {
    const int64_t c = p * pack;
    R sum[pack] = {};
    if (blended) {
      load(sum, background + c * of.background.stride_c);
#pragma unroll
      for (int i = 0; i < pack; ++i) sum[i] *= 1 - o;
    }
    if (stencil.inside) add_interpolated(sum, stencil, weight, of.sampling.mode, input + c * of.input.stride_c);
    store(to + c * output.stride_c, sum);
  }
}

// All gradients asked for, in one pass over the output's gradient.
template <class T, int rank, int pack>
__global__ void __launch_bounds__(kThreads, kFewBlocks)
    warp_gradient_kernel(Warp<T> of, WarpGradients<T> to, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const int64_t number = item;
  const Point point = point_of(item, to.output);
  const bool wants_points = to.points.data != nullptr, wants_map = to.layers != nullptr;
  const bool wants_background = to.background.data != nullptr, wants_input = to.input != nullptr;
  const bool reads_background = wants_map && of.background.data != nullptr;
  const Stencil<R, rank> stencil = stencil_of<rank>(of, point);
  const bool samples = (wants_points || wants_map) && stencil.inside, scatters = wants_input && stencil.inside;
  const R o = of.occlusion.map.data != nullptr ? of.occlusion.at(point.n, point.y, point.x) : R(1);
  const T* const input = of.input.data + point.n * of.input.stride_n;
  const FloatingSums<R> grad_input = {to.input + point.n * of.input.stride_n};
  const T* const from = at(to.output, point);
  R dots[1 << rank] = {}, hidden = 0;
  for (int64_t p = share.first; p < share.last; p += share.step) {
    const int64_t c = p * pack;
    R gradient[pack];
    load(gradient, from + c * to.output.stride_c);
    if (samples) add_dots<pack, rank>(dots, stencil, input + c * of.input.stride_c, gradient);
    if (scatters) scatter(grad_input, c * of.input.stride_c, stencil, o, gradient);
    R behind[pack];
    if (reads_background) {
      load(behind, at(of.background, point) + c * of.background.stride_c);
#pragma unroll
      for (int i = 0; i < pack; ++i) hidden += gradient[i] * behind[i];
    }
    if (wants_background) {
#pragma unroll
      for (int i = 0; i < pack; ++i) behind[i] = (1 - o) * gradient[i];
      store(at(to.background, point) + c * to.background.stride_c, behind);
    }
  }
  if (wants_points) {
    R* const grad_points = at(to.points, point);
#pragma unroll
    for (int a = 0; a < rank; ++a) {
      const R sum = sum_over_lanes(stencil.slope_along(a, dots), sharing.lanes);
      if (share.lane == 0) grad_points[a * to.points.stride_c] = stencil.inside ? sum * o : R(0);
    }
  }
  if (wants_map) {
    const int taps_with_weight = of.sampling.mode == Interpolation::bilinear ? 1 << rank : 1;
    R sum = -hidden;
#pragma unroll
    for (int corner = 0; corner < (1 << rank); ++corner) {
      if (corner < taps_with_weight) sum += stencil.corner_weight(corner) * dots[corner];
    }
    sum = sum_over_lanes(sum, sharing.lanes);
    if (share.lane == 0) to.layers[number] = sum;
  }
}

// The gradient of the input alone, bitwise repeatable; of.input has the strides of `sums`.
template <class T, int rank>
__global__ void __launch_bounds__(kThreads)
    warp_repeatable_scatter_kernel(Warp<T> of, Volume<const T> grad_output, FixedPointSums<Real<T>> sums,
                                   Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const Point point = point_of(item, grad_output);
  const Stencil<R, rank> stencil = stencil_of<rank>(of, point);
  if (!stencil.inside) return;
  const R o = of.occlusion.map.data != nullptr ? of.occlusion.at(point.n, point.y, point.x) : R(1);
  const T* const from = at(grad_output, point);
  for (int64_t c = share.first; c < share.last; c += share.step) {
    R gradient[1];
    load(gradient, from + c * grad_output.stride_c);
    scatter(sums, point.n * of.input.stride_n + c * of.input.stride_c, stencil, o, gradient);
  }
}

}  // namespace ptus::cuda
