#pragma once

#include <limits>

#include "common/motion.h"
#include "cuda/points.cuh"

// The kernels of soft_argmax_2d and soft_argmax_3d, an image being a volume of one plane: blocks sum the softmax of
// some rows of a keypoint's logits, a warp for each keypoint brings the blocks together. Sums are in double: where one
// voxel has nearly all of the weight, the gradient lives on what the others have.

namespace ptus::cuda {

template <class T>
struct SoftArgmax {
  Volume<const T> logits;  // (B, K, D, H, W)
  Real<T> scale;           // 1 / temperature
  int64_t blocks;          // of a keypoint

  __host__ __device__ int64_t keypoints() const { return logits.batch * logits.channels; }
  __host__ __device__ int64_t rows() const { return logits.depth * logits.height; }
};

// Rows that a block takes: some for each of its warps.
inline constexpr int64_t kRows = 8 * kThreads / kWarp;

// Sums of e, e · x, e · y and e · z over some voxels, where e = exp((logit - highest) · scale).
struct SoftmaxSums {
  double highest, numbers[4];
};

__device__ inline SoftmaxSums sums_of_nothing() { return {std::numeric_limits<double>::lowest(), {}}; }

// Makes sums relative to a logit that is at least as high as theirs.
template <class R>
__device__ inline void raise(SoftmaxSums& sums, double highest, R scale) {
  const double share = std::exp((sums.highest - highest) * scale);
#pragma unroll
  for (double& number : sums.numbers) number *= share;
  sums.highest = highest;
}

// Adds other sums, of which some may be of no voxel.
template <class R>
__device__ inline void add(SoftmaxSums& sums, SoftmaxSums other, R scale) {
  if (other.highest > sums.highest) {
    raise(sums, other.highest, scale);
  } else if (sums.highest > other.highest) {
    raise(other, sums.highest, scale);
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) sums.numbers[i] += other.numbers[i];
}

// The sums of a warp, which all its lanes get: both of two lanes add the same two.
template <class R>
__device__ inline SoftmaxSums sum_over_warp(SoftmaxSums sums, R scale) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    SoftmaxSums other;
    other.highest = __shfl_xor_sync(~0u, sums.highest, offset);
#pragma unroll
    for (int i = 0; i < 4; ++i) other.numbers[i] = __shfl_xor_sync(~0u, sums.numbers[i], offset);
    add(sums, other, scale);
  }
  return sums;
}

// Which keypoint a block treats, and the row where each of its warps begins.
template <class T>
struct SoftArgmaxBlock {
  int64_t keypoint, block, n, k, first, last;

  __device__ explicit SoftArgmaxBlock(const SoftArgmax<T>& of) : keypoint(blockIdx.x) {
    block = take_remainder(keypoint, of.blocks);
    n = keypoint;
    k = take_remainder(n, of.logits.channels);
    first = block * kRows + threadIdx.x / kWarp;
    last = (block + 1) * kRows < of.rows() ? (block + 1) * kRows : of.rows();
  }

  __device__ Point row(int64_t index, const SoftArgmax<T>& of) const {
    int64_t z = index;
    const int64_t y = take_remainder(z, of.logits.height);
    return {n, z, y, 0};
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads) soft_argmax_kernel(SoftArgmax<T> of, SoftmaxSums* of_blocks) {
  using R = Real<T>;
  constexpr int warps = kThreads / kWarp;
  __shared__ SoftmaxSums of_warps[warps];
  const SoftArgmaxBlock<T> here(of);
  const int lane = threadIdx.x % kWarp;
  SoftmaxSums sums = sums_of_nothing();
  for (int64_t r = here.first; r < here.last; r += warps) {
    const Point point = here.row(r, of);
    const double y = identity_coordinate<double>(point.y, of.logits.height);
    const double z = identity_coordinate<double>(point.z, of.logits.depth);
    const T* const row = at(of.logits, point) + here.k * of.logits.stride_c;
    for (int64_t x = lane; x < of.logits.width; x += kWarp) {
      const double logit = static_cast<R>(row[x * of.logits.stride_x]);
      if (logit > sums.highest) raise(sums, logit, of.scale);
      const double e = std::exp(static_cast<R>((logit - sums.highest) * of.scale));
      sums.numbers[0] += e;
      sums.numbers[1] += e * identity_coordinate<R>(x, of.logits.width);
      sums.numbers[2] += e * y;
      sums.numbers[3] += e * z;
    }
  }
  sums = sum_over_warp(sums, of.scale);
  if (lane == 0) of_warps[threadIdx.x / kWarp] = sums;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < warps; ++warp) add(sums, of_warps[warp], of.scale);
  of_blocks[blockIdx.x] = sums;
}

// A keypoint's softmax: its highest logit, the sum of e, and the mean.
struct Softmax {
  double highest, weight, mean[3];
};

// Writes the means (B, K, rank), and the softmaxes, to those of the two that are there.
template <class T, int rank>
__global__ void __launch_bounds__(kThreads)
    soft_argmax_finish_kernel(SoftArgmax<T> of, const SoftmaxSums* of_blocks, Real<T>* means, Softmax* softmaxes) {
  int64_t keypoint = item_of_thread();
  const int64_t lane = take_remainder(keypoint, kWarp);
  if (keypoint >= of.keypoints()) return;
  SoftmaxSums sums = sums_of_nothing();
  for (int64_t block = lane; block < of.blocks; block += kWarp) {
    add(sums, of_blocks[keypoint * of.blocks + block], of.scale);
  }
  sums = sum_over_warp(sums, of.scale);
  if (lane != 0) return;
  Softmax softmax = {sums.highest, sums.numbers[0], {}};
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    softmax.mean[a] = sums.numbers[1 + a] / softmax.weight;
    if (a < rank && means != nullptr) means[rank * keypoint + a] = static_cast<Real<T>>(softmax.mean[a]);
  }
  if (softmaxes != nullptr) softmaxes[keypoint] = softmax;
}

// The gradient of the keypoints, (B, K, rank) with any strides.
template <class R>
struct MeanGradient {
  const R* data;
  int64_t stride_n, stride_k, stride_axis;
  int rank;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    soft_argmax_gradient_kernel(SoftArgmax<T> of, const Softmax* softmaxes, MeanGradient<Real<T>> gradient,
                                Volume<T> grad_logits) {
  using R = Real<T>;
  const SoftArgmaxBlock<T> here(of);
  const Softmax& softmax = softmaxes[here.keypoint];
  const R highest = static_cast<R>(softmax.highest);
  // Divisions are calls, which registers must outlive: the fewer the better.
  const double scale = of.scale / softmax.weight;
  const double step_y = of.logits.height > 1 ? 1.0 / static_cast<double>(of.logits.height - 1) : 0.0;
  const double step_z = of.logits.depth > 1 ? 1.0 / static_cast<double>(of.logits.depth - 1) : 0.0;
  R slope[3];
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    const int64_t from = here.n * gradient.stride_n + here.k * gradient.stride_k + a * gradient.stride_axis;
    const R g = a < gradient.rank ? gradient.data[from] : R(0);
    slope[a] = static_cast<R>(static_cast<double>(g) * scale);
  }
  for (int64_t r = here.first; r < here.last; r += kThreads / kWarp) {
    const Point point = here.row(r, of);
    const T* const row = at(of.logits, point) + here.k * of.logits.stride_c;
    T* const to = at(grad_logits, point) + here.k * grad_logits.stride_c;
    // Subtracted in double, since a sharp softmax has its weight close to the mean.
    const double at_y = static_cast<double>(2 * point.y - (of.logits.height - 1)) * step_y;
    const double at_z = static_cast<double>(2 * point.z - (of.logits.depth - 1)) * step_z;
    const R y = static_cast<R>(at_y - softmax.mean[1]), z = static_cast<R>(at_z - softmax.mean[2]);
    const R rest = slope[1] * y + slope[2] * z;
    for (int64_t x = threadIdx.x % kWarp; x < of.logits.width; x += kWarp) {
      const R e = std::exp((static_cast<R>(row[x * of.logits.stride_x]) - highest) * of.scale);
      const R offset = static_cast<R>(identity_coordinate<R>(x, of.logits.width) - softmax.mean[0]);
      to[x * grad_logits.stride_x] = static_cast<T>(e * (slope[0] * offset + rest));
    }
  }
}

}  // namespace ptus::cuda
