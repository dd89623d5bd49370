#pragma once

#include "common/spline.h"
#include "cuda/keypoints.cuh"
#include "host/splines.h"

// Thin-plate splines on the device, and their gradients: a block for each motion goes through the gradients of all
// points that the motion moved, so that every sum has an order.

namespace ptus::cuda {

template <class R>
struct SplineData {
  static constexpr int rank = 2;
  static constexpr bool bent = true;

  const R* driving;     // control points (B, K, P, 2)
  const R* spline;      // (B, K, P + 3, 2)
  const R* background;  // (B, 2, 3), or null
  int64_t count;        // K
  int64_t points;       // P

  explicit SplineData(const Splines& splines)
      : driving(static_cast<const R*>(splines.driving.data_ptr())),
        spline(static_cast<const R*>(splines.spline.data_ptr())),
        background(splines.background ? static_cast<const R*>(splines.background->data_ptr()) : nullptr),
        count(splines.count()),
        points(splines.points()) {}

  __host__ __device__ bool affine() const { return true; }

  // Of motion k of sample n, which is not the background's.
  __device__ const R* points_of(int64_t n, int64_t k) const { return driving + 2 * points * (n * count + k - 1); }
  __device__ const R* rows_of(int64_t n, int64_t k) const { return spline + 2 * (points + 3) * (n * count + k - 1); }

  // The affine part of motion k of sample n, where motion 0 is the background's.
  __device__ Motion<R, 2> motion(int64_t n, int64_t k) const {
    if (k == 0) return motion_of_background<2>(background != nullptr ? background + 6 * n : nullptr);
    const R* const row = rows_of(n, k) + 2 * points;
    return {{{row[0], row[2]}, {row[1], row[3]}}, {row[4], row[5]}};
  }

  // Adds what bends motion k of sample n at the point g.
  __device__ void bend(R (&to)[2], int64_t n, int64_t k, const R (&g)[2]) const {
    if (k == 0) return;
    const R* const point = points_of(n, k);
    const R* const weight = rows_of(n, k);
    for (int64_t j = 0; j < points; ++j) {
      const R dx = g[0] - point[2 * j], dy = g[1] - point[2 * j + 1];
      const R basis = radial_basis(dx * dx + dy * dy);
      to[0] += weight[2 * j] * basis;
      to[1] += weight[2 * j + 1] * basis;
    }
  }

  __device__ void move(R (&to)[2], int64_t n, int64_t k, const R (&g)[2]) const {
    apply(to, motion(n, k), g);
    bend(to, n, k, g);
  }
};

// Where gradients go; those that are null are not asked for.
template <class R>
struct SplineGradientData {
  R *driving, *spline, *background;

  bool wanted() const { return driving != nullptr || spline != nullptr || background != nullptr; }
};

// The sum over a block, which its first thread gets; in an order that depends on nothing. `room` is the block's.
__device__ inline double sum_over_block(double value, double (&room)[kThreads / kWarp]) {
  const double sum = sum_over_lanes(value, kWarp);
  __syncthreads();
  if (threadIdx.x % kWarp == 0) room[threadIdx.x / kWarp] = sum;
  __syncthreads();
  double total = 0;
  for (int warp = 0; warp < kThreads / kWarp; ++warp) total += room[warp];
  return total;
}

// The gradients of one motion from those of its moved points, (B, K + 1, H, W, 2); a block for each motion.
template <class R>
__global__ void __launch_bounds__(kThreads) spline_gradient_kernel(SplineData<R> of, const R* of_moved, int64_t height,
                                                                   int64_t width, SplineGradientData<R> to) {
  __shared__ double room[kThreads / kWarp];
  int64_t n = blockIdx.x;
  const int64_t k = take_remainder(n, of.count + 1), pixels = height * width;
  const R* const moved = of_moved + 2 * pixels * static_cast<int64_t>(blockIdx.x);
  const bool first = threadIdx.x == 0;
  // Calls use(g, gradient) for the pixels of this thread.
  const auto for_pixels = [&](const auto& use) {
    for (int64_t i = threadIdx.x; i < pixels; i += kThreads) {
      int64_t y = i;
      const int64_t x = take_remainder(y, width);
      const R g[2] = {identity_coordinate<R>(x, width), identity_coordinate<R>(y, height)};
      const R gradient[2] = {moved[2 * i], moved[2 * i + 1]};
      use(g, gradient);
    }
  };
  double affine[6] = {};  // of x, of y, of 1: each of the motion's x and y
  for_pixels([&](const R(&g)[2], const R(&gradient)[2]) {
#pragma unroll
    for (int a = 0; a < 2; ++a) {
      affine[a] += gradient[a] * g[0];
      affine[2 + a] += gradient[a] * g[1];
      affine[4 + a] += gradient[a];
    }
  });
#pragma unroll
  for (int i = 0; i < 6; ++i) affine[i] = sum_over_block(affine[i], room);
  if (k == 0) {
    if (!first || to.background == nullptr) return;
#pragma unroll
    for (int i = 0; i < 6; ++i) to.background[6 * n + 3 * (i % 2) + i / 2] = static_cast<R>(affine[i]);
    return;
  }
  const int64_t spline = n * of.count + k - 1;
  R* const rows = to.spline != nullptr ? to.spline + 2 * (of.points + 3) * spline : nullptr;
  if (first && rows != nullptr) {
#pragma unroll
    for (int i = 0; i < 6; ++i) rows[2 * of.points + i] = static_cast<R>(affine[i]);
  }
  for (int64_t j = 0; j < of.points; ++j) {
    const R* const point = of.points_of(n, k) + 2 * j;
    const R* const weight = of.rows_of(n, k) + 2 * j;
    double sums[4] = {};  // of the weight, and of the point
    for_pixels([&](const R(&g)[2], const R(&gradient)[2]) {
      const R dx = g[0] - point[0], dy = g[1] - point[1], distance = dx * dx + dy * dy;
      const R basis = radial_basis(distance);
      const R slope = R(-2) * radial_basis_slope(distance) * (gradient[0] * weight[0] + gradient[1] * weight[1]);
      sums[0] += gradient[0] * basis;
      sums[1] += gradient[1] * basis;
      sums[2] += slope * dx;
      sums[3] += slope * dy;
    });
#pragma unroll
    for (int i = 0; i < 4; ++i) sums[i] = sum_over_block(sums[i], room);
    if (!first) continue;
#pragma unroll
    for (int a = 0; a < 2; ++a) {
      if (rows != nullptr) rows[2 * j + a] = static_cast<R>(sums[a]);
      if (to.driving != nullptr) to.driving[2 * (of.points * spline + j) + a] = static_cast<R>(sums[2 + a]);
    }
  }
}

// Room for the gradients of moved points, (B, K + 1, H, W, 2).
inline Tensor moved_points(const Splines& splines, int64_t pixels) {
  return torch::stable::new_empty(splines.driving, {splines.driving.size(0) * (splines.count() + 1) * pixels * 2});
}

template <class R>
void write_spline_gradients(const Launcher& launcher, const Splines& splines, const Tensor& of_moved, int64_t height,
                            int64_t width, const SplineGradientData<R>& to) {
  launcher.blocks(splines.driving.size(0) * (splines.count() + 1), spline_gradient_kernel<R>, SplineData<R>(splines),
                  static_cast<const R*>(of_moved.data_ptr()), height, width, to);
}

}  // namespace ptus::cuda
