#pragma once

#include "common/heatmap.h"
#include "common/shift_readers.h"
#include "cuda/keypoints.cuh"
#include "cuda/scatter.cuh"

// The kernels of motion_features. A thread, or a few lanes of a warp, treat one motion at one point.

namespace ptus::cuda {

template <class T>
struct MotionFeatures {
  Volume<const T> feature;
  KeypointData<Real<T>> keypoints;
  Real<T> variance;
  bool align_corners;
  bool channels_last;  // the output: then the motions of a point follow each other

  __host__ __device__ int64_t motions() const { return keypoints.count + 1; }
  __host__ __device__ int64_t points() const { return feature.depth * feature.height * feature.width; }
  __device__ Sampling sampling() const { return {Interpolation::bilinear, Padding::zeros, align_corners}; }

  // The first channel of motion k in the output.
  __device__ int64_t first_channel(int64_t k) const { return k * (feature.channels + 1); }

  __device__ void identity(Real<T> (&g)[3], const Point& point) const {
    g[0] = identity_coordinate<Real<T>>(point.x, feature.width);
    g[1] = identity_coordinate<Real<T>>(point.y, feature.height);
    g[2] = identity_coordinate<Real<T>>(point.z, feature.depth);
  }
};

// One motion at one point of a sample.
struct MotionPoint {
  Point point;
  int64_t k;

  template <class T>
  __device__ MotionPoint(const MotionFeatures<T>& of, int64_t item) {
    if (of.channels_last) k = take_remainder(item, of.motions());
    point.x = take_remainder(item, of.feature.width);
    point.y = take_remainder(item, of.feature.height);
    point.z = take_remainder(item, of.feature.depth);
    if (!of.channels_last) k = take_remainder(item, of.motions());
    point.n = item;
  }
};

// The Gaussian of a keypoint at g.
template <class R>
__device__ inline R heat(const R* keypoint, const R (&g)[3], R variance) {
  return gaussian(g[0], keypoint[0], variance) * gaussian(g[1], keypoint[1], variance) *
         gaussian(g[2], keypoint[2], variance);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    motion_features_kernel(MotionFeatures<T> of, Volume<T> output, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const auto [point, k] = MotionPoint(of, item);
  R g[3], moved[3], weight[8];
  of.identity(g, point);
  of.keypoints.move(moved, point.n, k, g);
  T* const to = at(output, point) + of.first_channel(k) * output.stride_c;
  if (share.first == 0) {
    const int64_t i = 3 * (point.n * of.keypoints.count + k - 1);
    *to = static_cast<T>(
        k == 0 ? R(0) : heat(of.keypoints.driving + i, g, of.variance) - heat(of.keypoints.source + i, g, of.variance));
  }
  const Stencil<R, 3> stencil = stencil_at<3>(moved, of.feature, of.sampling());
#pragma unroll
  for (int corner = 0; corner < 8; ++corner) weight[corner] = stencil.corner_weight(corner);
  const T* const feature = of.feature.data + point.n * of.feature.stride_n;
  for (int64_t c = share.first; c < share.last; c += share.step) {
    R sum[1] = {};
    if (stencil.inside) {
      add_interpolated(sum, stencil, weight, Interpolation::bilinear, feature + c * of.feature.stride_c);
    }
    store(to + (c + 1) * output.stride_c, sum);
  }
}

// The gradient of the feature, where every motion takes its own way: of.feature has the strides of `sums`.
template <class T, class Sums>
__global__ void __launch_bounds__(kThreads) scatter_features_kernel(MotionFeatures<T> of, Volume<const T> grad_output,
                                                                    Sums sums, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const auto [point, k] = MotionPoint(of, item);
  R g[3], moved[3];
  of.identity(g, point);
  of.keypoints.move(moved, point.n, k, g);
  const Stencil<R, 3> stencil = stencil_at<3>(moved, of.feature, of.sampling());
  if (!stencil.inside) return;
  const T* const from = at(grad_output, point) + (of.first_channel(k) + 1) * grad_output.stride_c;
  for (int64_t c = share.first; c < share.last; c += share.step) {
    R gradient[1];
    load(gradient, from + c * grad_output.stride_c);
    scatter(sums, point.n * of.feature.stride_n + c * of.feature.stride_c, stencil, R(1), gradient);
  }
}

// The readers of every voxel along each axis, for motions that are translations: (B, K + 1, W + H + D).
template <class T>
__global__ void __launch_bounds__(kThreads)
    shift_readers_kernel(MotionFeatures<T> of, ShiftReaders<Real<T>>* readers, int64_t count) {
  const int64_t item = item_of_thread();
  if (item >= count) return;
  const int64_t sizes[3] = {of.feature.width, of.feature.height, of.feature.depth};
  int64_t n = item;
  int64_t voxel = take_remainder(n, sizes[0] + sizes[1] + sizes[2]);
  const int64_t k = take_remainder(n, of.motions());
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    if (voxel >= 0 && voxel < sizes[a]) {
      readers[item] = shift_readers(voxel, sizes[a], of.keypoints.displacement(n, k, a), of.align_corners);
    }
    voxel -= sizes[a];
  }
}

// Channels that a thread of the kernel below sums at a time.
inline constexpr int kGathered = 4;

// The gradient of the feature under translations, gathered by each voxel from the points that read it.
template <class T>
__global__ void __launch_bounds__(kThreads)
    gather_features_kernel(MotionFeatures<T> of, Volume<const T> grad_output, const ShiftReaders<Real<T>>* readers,
                           Volume<T> grad_feature, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const Point point = point_of(item, grad_feature);
  const int64_t width = grad_feature.width, height = grad_feature.height, axes = width + height + grad_feature.depth;
  R sums[kGathered] = {};
  for (int64_t k = 0; k < of.motions(); ++k) {
    const ShiftReaders<R>* const of_motion = readers + (point.n * of.motions() + k) * axes;
    const ShiftReaders<R> along_x = of_motion[point.x];
    const ShiftReaders<R>& along_y = of_motion[width + point.y];
    const ShiftReaders<R>& along_z = of_motion[width + height + point.z];
    const T* const from = grad_output.data + point.n * grad_output.stride_n +
                          (of.first_channel(k) + 1 + share.first) * grad_output.stride_c +
                          along_x.first * grad_output.stride_x;
#pragma unroll 1
    for (int row = 0; row < 9; ++row) {
      const int z = row / 3, y = row % 3;
      const R row_weight = along_z.weight[z] * along_y.weight[y];
      if (row_weight == 0) continue;
      const T* const of_row =
          from + (along_z.first + z) * grad_output.stride_z + (along_y.first + y) * grad_output.stride_y;
#pragma unroll
      for (int x = 0; x < 3; ++x) {
        const R weight = row_weight * along_x.weight[x];
        if (weight == 0) continue;
#pragma unroll
        for (int i = 0; i < kGathered; ++i) {
          if (share.first + i * share.step >= share.last) break;
          const T gradient = of_row[x * grad_output.stride_x + i * share.step * grad_output.stride_c];
          sums[i] += weight * static_cast<R>(gradient);
        }
      }
    }
  }
  T* const to = at(grad_feature, point);
#pragma unroll
  for (int i = 0; i < kGathered; ++i) {
    const int64_t c = share.first + i * share.step;
    if (c < share.last) to[c * grad_feature.stride_c] = static_cast<T>(sums[i]);
  }
}

// Adds what a keypoint's heatmap says about it.
template <class R>
__device__ inline void add_heat_gradient(R (&sums)[3], R gradient, const R* keypoint, const R (&g)[3], R variance) {
  const R value = heat(keypoint, g, variance);
#pragma unroll
  for (int a = 0; a < 3; ++a) sums[a] += gradient * gaussian_slope(value, g[a], keypoint[a], variance);
}

// What a tile of points, `points_of_tile` of them to a block, says about one keypoint: see keypoints.cuh.
template <class T>
__global__ void __launch_bounds__(kThreads)
    motion_features_keypoints_kernel(MotionFeatures<T> of, Volume<const T> grad_output, Real<T>* of_tiles,
                                     int64_t tiles, int64_t points_of_tile, int lanes) {
  using R = Real<T>;
  __shared__ R of_warps[kThreads / kWarp][18];
  int64_t keypoint = blockIdx.x;
  const int64_t tile = take_remainder(keypoint, tiles);
  int64_t n = keypoint;
  const int64_t k = take_remainder(n, of.keypoints.count) + 1;
  const R* const driving = of.keypoints.driving + 3 * keypoint;
  const R* const source = of.keypoints.source + 3 * keypoint;
  const bool affine = of.keypoints.affine();
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  const T* const feature = of.feature.data + n * of.feature.stride_n;
  const int64_t last = (tile + 1) * points_of_tile < of.points() ? (tile + 1) * points_of_tile : of.points();
  KeypointSums<R> sums = {};
  for (int64_t i = tile * points_of_tile + threadIdx.x / lanes; i < last; i += kThreads / lanes) {
    Point point = point_of(i, of.feature);
    point.n = n;
    R g[3], moved[3];
    of.identity(g, point);
    of.keypoints.move(moved, n, k, g);
    const T* const from = at(grad_output, point) + of.first_channel(k) * grad_output.stride_c;
    if (lane == 0) {
      const R gradient = static_cast<R>(*from);
      add_heat_gradient(sums.driving, gradient, driving, g, of.variance);
      add_heat_gradient(sums.source, -gradient, source, g, of.variance);
    }
    const Stencil<R, 3> stencil = stencil_at<3>(moved, of.feature, of.sampling());
    if (!stencil.inside) continue;
    R dots[8] = {};
    // Eight loads in flight will do; more iterations at a time would not fit the registers.
#pragma unroll 1
    for (int64_t c = lane; c < of.feature.channels; c += lanes) {
      R gradient[1];
      load(gradient, from + (c + 1) * grad_output.stride_c);
      add_dots<1, 3>(dots, stencil, feature + c * of.feature.stride_c, gradient);
    }
#pragma unroll
    for (int a = 0; a < 3; ++a) {
      const R slope = stencil.slope_along(a, dots);
      sums.offset[a] += slope;
#pragma unroll
      for (int b = 0; b < 3; ++b) sums.linear[3 * a + b] += slope * g[b];
    }
  }
  sums.for_each(affine, true, [&](R& number, int index) {
    const R sum = sum_over_lanes(number, kWarp);
    if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp][index] = sum;
  });
  __syncthreads();
  const int numbers = KeypointSums<R>::count(affine, true);
  if (threadIdx.x >= numbers) return;
  R sum = 0;
#pragma unroll
  for (int warp = 0; warp < kThreads / kWarp; ++warp) sum += of_warps[warp][threadIdx.x];
  of_tiles[(keypoint * tiles + tile) * numbers + threadIdx.x] = sum;
}

}  // namespace ptus::cuda
