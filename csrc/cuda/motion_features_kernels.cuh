#pragma once

#include "common/shift_readers.h"
#include "cuda/keypoints.cuh"
#include "cuda/scatter.cuh"
#include "cuda/splines.cuh"

// The kernels of motion_features and spline_features. A thread, or a few lanes of a warp, treat one motion at one
// point.

namespace ptus::cuda {

// Moves says what the motions are: KeypointData, whose heatmaps stand before each motion's feature, or SplineData,
// whose heatmaps all come first.
template <class T, class Moves>
struct MotionFeatures {
  static constexpr int rank = Moves::rank;

  Volume<const T> feature;
  Moves moves;
  HeatmapData<Real<T>, rank> heatmaps;
  bool align_corners;
  bool channels_last;  // the output: then the motions of a point follow each other

  __host__ __device__ int64_t motions() const { return moves.count + 1; }
  __host__ __device__ int64_t points() const { return feature.depth * feature.height * feature.width; }
  __device__ Sampling sampling() const { return {Interpolation::bilinear, Padding::zeros, align_corners}; }

  // The channel of a heatmap in the output, and the first one of the feature warped by motion k.
  __device__ int64_t channel_of_map(int64_t map) const { return Moves::bent ? map : map * (feature.channels + 1); }
  __device__ int64_t first_channel(int64_t k) const {
    return Moves::bent ? 1 + heatmaps.count + k * feature.channels : k * (feature.channels + 1) + 1;
  }

  // The heatmaps of motion k: begin, …, before end.
  struct Maps {
    int64_t begin, end;
  };
  __device__ Maps maps_of(int64_t k) const {
    if (k == 0) return {0, 1};
    const int64_t each = heatmaps.count / moves.count;
    return {1 + (k - 1) * each, 1 + k * each};
  }

  __device__ void identity(Real<T> (&g)[rank], const Point& point) const {
    g[0] = identity_coordinate<Real<T>>(point.x, feature.width);
    g[1] = identity_coordinate<Real<T>>(point.y, feature.height);
    if constexpr (rank == 3) g[2] = identity_coordinate<Real<T>>(point.z, feature.depth);
  }
};

// One motion at one point of a sample.
struct MotionPoint {
  Point point;
  int64_t k;

  template <class T, class Moves>
  __device__ MotionPoint(const MotionFeatures<T, Moves>& of, int64_t item) {
    if (of.channels_last) k = take_remainder(item, of.motions());
    point.x = take_remainder(item, of.feature.width);
    point.y = take_remainder(item, of.feature.height);
    point.z = take_remainder(item, of.feature.depth);
    if (!of.channels_last) k = take_remainder(item, of.motions());
    point.n = item;
  }
};

template <class T, class Moves>
__global__ void __launch_bounds__(kThreads)
    motion_features_kernel(MotionFeatures<T, Moves> of, Volume<T> output, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const auto [point, k] = MotionPoint(of, item);
  constexpr int rank = Moves::rank, corners = 1 << rank;
  R g[rank], moved[rank], weight[corners];
  of.identity(g, point);
  of.moves.move(moved, point.n, k, g);
  T* const to = at(output, point);
  if (share.first == 0) {
    const auto maps = of.maps_of(k);
    for (int64_t map = maps.begin; map < maps.end; ++map) {
      to[of.channel_of_map(map) * output.stride_c] = static_cast<T>(of.heatmaps(point.n, map, g));
    }
  }
  const Stencil<R, rank> stencil = stencil_at<rank>(moved, of.feature, of.sampling());
#pragma unroll
  for (int corner = 0; corner < corners; ++corner) weight[corner] = stencil.corner_weight(corner);
  const T* const feature = of.feature.data + point.n * of.feature.stride_n;
  for (int64_t c = share.first; c < share.last; c += share.step) {
    R sum[1] = {};
    if (stencil.inside) {
      add_interpolated(sum, stencil, weight, Interpolation::bilinear, feature + c * of.feature.stride_c);
    }
    store(to + (of.first_channel(k) + c) * output.stride_c, sum);
  }
}

// The gradient of the feature, where every motion takes its own way: of.feature has the strides of `sums`.
template <class T, class Moves, class Sums>
__global__ void __launch_bounds__(kThreads)
    scatter_features_kernel(MotionFeatures<T, Moves> of, Volume<const T> grad_output, Sums sums, Sharing sharing,
                            int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const auto [point, k] = MotionPoint(of, item);
  R g[Moves::rank], moved[Moves::rank];
  of.identity(g, point);
  of.moves.move(moved, point.n, k, g);
  const auto stencil = stencil_at<Moves::rank>(moved, of.feature, of.sampling());
  if (!stencil.inside) return;
  const T* const from = at(grad_output, point) + of.first_channel(k) * grad_output.stride_c;
  for (int64_t c = share.first; c < share.last; c += share.step) {
    R gradient[1];
    load(gradient, from + c * grad_output.stride_c);
    scatter(sums, point.n * of.feature.stride_n + c * of.feature.stride_c, stencil, R(1), gradient);
  }
}

// The readers of every voxel along each axis, for motions that are translations: (B, K + 1, W + H + D).
template <class T, class Moves>
__global__ void __launch_bounds__(kThreads)
    shift_readers_kernel(MotionFeatures<T, Moves> of, ShiftReaders<Real<T>>* readers, int64_t count) {
  const int64_t item = item_of_thread();
  if (item >= count) return;
  const int64_t sizes[3] = {of.feature.width, of.feature.height, of.feature.depth};
  int64_t n = item;
  int64_t voxel = take_remainder(n, sizes[0] + sizes[1] + sizes[2]);
  const int64_t k = take_remainder(n, of.motions());
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    if (voxel >= 0 && voxel < sizes[a]) {
      readers[item] = shift_readers(voxel, sizes[a], of.moves.displacement(n, k, a), of.align_corners);
    }
    voxel -= sizes[a];
  }
}

// Channels that a thread of the kernel below sums at a time.
inline constexpr int kGathered = 4;

// The gradient of the feature under translations, gathered by each voxel from the points that read it.
template <class T, class Moves>
__global__ void __launch_bounds__(kThreads)
    gather_features_kernel(MotionFeatures<T, Moves> of, Volume<const T> grad_output,
                           const ShiftReaders<Real<T>>* readers, Volume<T> grad_feature, Sharing sharing,
                           int64_t count) {
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
                          (of.first_channel(k) + share.first) * grad_output.stride_c +
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

// Adds what a pair of heatmaps, at g, says about the two points, or the moments of heatmaps with covariances.
template <class R, int rank>
__device__ inline void add_heat_gradient(KeypointSums<R, rank>& sums, const HeatmapData<R, rank>& heatmaps, int64_t i,
                                         R gradient, const R (&g)[rank]) {
  const R of_driving = gradient * heatmaps.gaussian_at(heatmaps.driving, heatmaps.covariance_driving, i, g);
  const R of_source = gradient * heatmaps.gaussian_at(heatmaps.source, heatmaps.covariance_source, i, g);
  R driving[rank], source[rank];
#pragma unroll
  for (int a = 0; a < rank; ++a) {
    driving[a] = g[a] - heatmaps.driving[rank * i + a];
    source[a] = g[a] - heatmaps.source[rank * i + a];
  }
  if (!heatmaps.elliptic()) {
#pragma unroll
    for (int a = 0; a < rank; ++a) {
      sums.driving[a] += of_driving * driving[a] / heatmaps.variance;
      sums.source[a] -= of_source * source[a] / heatmaps.variance;
    }
    return;
  }
  if constexpr (rank == 2) {
#pragma unroll
    for (int a = 0; a < 2; ++a) {
      sums.driving[a] += of_driving * driving[a];
      sums.source[a] += of_source * source[a];
      sums.second_driving[2 * a] += of_driving * driving[a] * driving[a];
      sums.second_source[2 * a] += of_source * source[a] * source[a];
    }
    sums.second_driving[1] += of_driving * driving[0] * driving[1];
    sums.second_source[1] += of_source * source[0] * source[1];
  }
}

// The gradient of where motion k takes a point, from this lane's channels.
template <class T, class Moves>
__device__ inline void moved_gradient(Real<T> (&gradient)[Moves::rank], const MotionFeatures<T, Moves>& of,
                                      const Volume<const T>& grad_output, const Point& point, int64_t k,
                                      const Real<T> (&moved)[Moves::rank], int lane, int lanes) {
  using R = Real<T>;
  constexpr int rank = Moves::rank;
#pragma unroll
  for (int a = 0; a < rank; ++a) gradient[a] = 0;
  const Stencil<R, rank> stencil = stencil_at<rank>(moved, of.feature, of.sampling());
  if (!stencil.inside) return;
  const T* const feature = of.feature.data + point.n * of.feature.stride_n;
  const T* const from = at(grad_output, point) + of.first_channel(k) * grad_output.stride_c;
  R dots[1 << rank] = {};
  // A few loads in flight will do; more iterations at a time would not fit the registers.
#pragma unroll 1
  for (int64_t c = lane; c < of.feature.channels; c += lanes) {
    R value[1];
    load(value, from + c * grad_output.stride_c);
    add_dots<1, rank>(dots, stencil, feature + c * of.feature.stride_c, value);
  }
#pragma unroll
  for (int a = 0; a < rank; ++a) gradient[a] = stencil.slope_along(a, dots);
}

// What a tile of points, `points_of_tile` of them to a block, says about one motion: see keypoints.cuh.
template <class T, int rank>
__global__ void __launch_bounds__(kThreads)
    motion_features_keypoints_kernel(MotionFeatures<T, KeypointData<Real<T>, rank>> of, Volume<const T> grad_output,
                                     Real<T>* of_tiles, int64_t tiles, int64_t points_of_tile, int lanes) {
  using R = Real<T>;
  __shared__ R of_warps[kThreads / kWarp][KeypointSums<R, rank>::most];
  int64_t motion = blockIdx.x;
  const int64_t tile = take_remainder(motion, tiles);
  int64_t n = motion;
  const int64_t k = take_remainder(n, of.moves.learned()) + of.moves.first();
  const bool affine = of.moves.affine(), elliptic = of.heatmaps.elliptic();
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  const int64_t last = (tile + 1) * points_of_tile < of.points() ? (tile + 1) * points_of_tile : of.points();
  KeypointSums<R, rank> sums = {};
  for (int64_t i = tile * points_of_tile + threadIdx.x / lanes; i < last; i += kThreads / lanes) {
    Point point = point_of(i, of.feature);
    point.n = n;
    R g[rank], moved[rank], gradient[rank];
    of.identity(g, point);
    of.moves.move(moved, n, k, g);
    if (lane == 0 && k > 0) {
      const R of_heat = static_cast<R>(at(grad_output, point)[of.channel_of_map(k) * grad_output.stride_c]);
      add_heat_gradient(sums, of.heatmaps, n * of.heatmaps.count + k - 1, of_heat, g);
    }
    moved_gradient(gradient, of, grad_output, point, k, moved, lane, lanes);
#pragma unroll
    for (int a = 0; a < rank; ++a) {
      sums.offset[a] += gradient[a];
#pragma unroll
      for (int b = 0; b < rank; ++b) sums.linear[rank * a + b] += gradient[a] * g[b];
    }
  }
  sums.for_each(affine, true, elliptic, [&](R& number, int index) {
    const R sum = sum_over_lanes(number, kWarp);
    if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp][index] = sum;
  });
  __syncthreads();
  const int numbers = KeypointSums<R, rank>::count(affine, true, elliptic);
  if (threadIdx.x >= numbers) return;
  R sum = 0;
#pragma unroll
  for (int warp = 0; warp < kThreads / kWarp; ++warp) sum += of_warps[warp][threadIdx.x];
  of_tiles[(motion * tiles + tile) * numbers + threadIdx.x] = sum;
}

}  // namespace ptus::cuda
