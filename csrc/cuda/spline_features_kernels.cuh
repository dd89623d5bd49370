#pragma once

#include "cuda/motion_features_kernels.cuh"

// The kernels of spline_features' gradients; the others are those of motion_features.

namespace ptus::cuda {

// The gradients of points that splines moved, (B, K + 1, H, W, 2); a thread for each motion and point.
template <class T>
__global__ void __launch_bounds__(kThreads)
    moved_gradient_kernel(MotionFeatures<T, SplineData<Real<T>>> of, Volume<const T> grad_output, Real<T>* of_moved,
                          int64_t count) {
  using R = Real<T>;
  const int64_t item = item_of_thread();
  if (item >= count) return;
  int64_t motion = item;
  Point point;
  point.x = take_remainder(motion, of.feature.width);
  point.y = take_remainder(motion, of.feature.height);
  point.z = 0;
  point.n = motion;
  const int64_t k = take_remainder(point.n, of.motions());
  R g[2], moved[2], gradient[2];
  of.identity(g, point);
  of.moves.move(moved, point.n, k, g);
  moved_gradient(gradient, of, grad_output, point, k, moved, 0, 1);
  of_moved[2 * item] = gradient[0];
  of_moved[2 * item + 1] = gradient[1];
}

// What the heatmaps of control points say about them; a block for each pair. The driving points' gradients are added to
// what is there, those of the source points written; either may be null.
template <class T>
__global__ void __launch_bounds__(kThreads)
    spline_heatmaps_kernel(MotionFeatures<T, SplineData<Real<T>>> of, Volume<const T> grad_output, Real<T>* of_driving,
                           Real<T>* of_source) {
  using R = Real<T>;
  __shared__ double room[kThreads / kWarp];
  const int64_t i = blockIdx.x;
  Point point;
  point.n = i;
  const int64_t map = take_remainder(point.n, of.heatmaps.count) + 1;
  double sums[4] = {};
  for (int64_t pixel = threadIdx.x; pixel < of.points(); pixel += kThreads) {
    point.y = pixel;
    point.x = take_remainder(point.y, of.feature.width);
    point.z = 0;
    R g[2];
    of.identity(g, point);
    KeypointSums<R, 2> here = {};
    const R gradient = static_cast<R>(at(grad_output, point)[of.channel_of_map(map) * grad_output.stride_c]);
    add_heat_gradient(here, of.heatmaps, i, gradient, g);
#pragma unroll
    for (int a = 0; a < 2; ++a) {
      sums[a] += here.driving[a];
      sums[2 + a] += here.source[a];
    }
  }
#pragma unroll
  for (int a = 0; a < 4; ++a) sums[a] = sum_over_block(sums[a], room);
  if (threadIdx.x != 0) return;
#pragma unroll
  for (int a = 0; a < 2; ++a) {
    if (of_driving != nullptr) of_driving[2 * i + a] += static_cast<R>(sums[a]);
    if (of_source != nullptr) of_source[2 * i + a] = static_cast<R>(sums[2 + a]);
  }
}

}  // namespace ptus::cuda
