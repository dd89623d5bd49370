#pragma once

#include <limits>

#include "common/resize.h"
#include "cuda/keypoints.cuh"
#include "cuda/splines.cuh"

// The kernels of compose_motion and compose_splines: a thread takes a point of the field, and all motions one after the
// other. The softmax is summed as it goes, so that nothing is kept for each motion.

namespace ptus::cuda {

// Moves says what the motions are: KeypointData or SplineData.
template <class T, class Moves>
struct ComposeMotion {
  static constexpr int rank = Moves::rank;

  Volume<const T> logits;  // (B, K + 1, [d,] h, w)
  Moves moves;
  int64_t depth, height, width;
  int64_t tiles;  // of a sample: kThreads points for each block

  __host__ __device__ int64_t points() const { return depth * height * width; }
  __host__ __device__ bool resized() const {
    return logits.depth != depth || logits.height != height || logits.width != width;
  }
};

// Motions that a block keeps at a time.
inline constexpr int kMotions = 32;

// Where a thread is. Threads behind the last point stand on it, and write nothing.
template <class T, int rank>
struct FieldPoint {
  int64_t n, tile, index;
  Point point;
  bool active;
  Real<T> g[rank];

  template <class Moves>
  __device__ explicit FieldPoint(const ComposeMotion<T, Moves>& of) : n(blockIdx.x) {
    tile = take_remainder(n, of.tiles);
    const int64_t wanted = tile * kThreads + threadIdx.x;
    active = wanted < of.points();
    index = active ? wanted : of.points() - 1;
    int64_t rest = index;
    point.x = take_remainder(rest, of.width);
    point.y = take_remainder(rest, of.height);
    point.z = rest;
    point.n = n;
    g[0] = identity_coordinate<Real<T>>(point.x, of.width);
    g[1] = identity_coordinate<Real<T>>(point.y, of.height);
    if constexpr (rank == 3) g[2] = identity_coordinate<Real<T>>(point.z, of.depth);
  }
};

// The logits of one point, resized if need be.
template <class T, int rank>
struct Logits {
  using R = Real<T>;
  static constexpr int rows = 1 << (rank - 1);
  const T* sample;
  int64_t stride, row[rows], column[2];
  R row_weight[rows], column_weight[2];
  bool resized;

  template <class Moves>
  __device__ Logits(const ComposeMotion<T, Moves>& of, const Point& point)
      : sample(of.logits.data + point.n * of.logits.stride_n), stride(of.logits.stride_c), resized(of.resized()) {
    if (!resized) {
      sample += row_offset(of.logits, point);
      return;
    }
    const ResizeTaps<R> z = resize_taps<R>(point.z, of.logits.depth, of.depth);
    const ResizeTaps<R> y = resize_taps<R>(point.y, of.logits.height, of.height);
    const ResizeTaps<R> x = resize_taps<R>(point.x, of.logits.width, of.width);
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      row[r] = z.index[r >> 1] * of.logits.stride_z + y.index[r & 1] * of.logits.stride_y;
      row_weight[r] = z.weight[r >> 1] * y.weight[r & 1];
    }
#pragma unroll
    for (int t = 0; t < 2; ++t) {
      column[t] = x.index[t] * of.logits.stride_x;
      column_weight[t] = x.weight[t];
    }
  }

  __device__ R operator()(int64_t k) const {
    const T* const from = sample + k * stride;
    if (!resized) return static_cast<R>(*from);
    R sum = 0;
#pragma unroll
    for (int r = 0; r < rows; ++r) {
      const R first = static_cast<R>(from[row[r] + column[0]]), second = static_cast<R>(from[row[r] + column[1]]);
      sum += row_weight[r] * (column_weight[0] * first + column_weight[1] * second);
    }
    return sum;
  }
};

// Motions `first` and after of a sample, for all threads of the block.
template <class T, class Moves>
__device__ inline int load_motions(Motion<Real<T>, Moves::rank> (&motions)[kMotions], const ComposeMotion<T, Moves>& of,
                                   int64_t n, int64_t first) {
  const int64_t left = of.logits.channels - first;
  const int count = left < kMotions ? static_cast<int>(left) : kMotions;
  __syncthreads();
  if (threadIdx.x < count) motions[threadIdx.x] = of.moves.motion(n, first + threadIdx.x);
  __syncthreads();
  return count;
}

// Where motion k takes a point, `motion` being its affine part; for translations, only how far, since they all start
// from the point itself.
template <class R, class Moves>
__device__ inline void move(R (&to)[Moves::rank], const Moves& moves, const Motion<R, Moves::rank>& motion, int64_t n,
                            int64_t k, const R (&g)[Moves::rank], bool affine) {
#pragma unroll
  for (int i = 0; i < Moves::rank; ++i) to[i] = motion.offset[i];
  if (affine) apply(to, motion, g);
  moves.bend(to, n, k, g);
}

// Σ e · value over the motions that came so far, with e relative to the highest logit of them.
template <class R, int size>
struct OnlineSoftmax {
  R highest, sum, weighted[size];

  __device__ OnlineSoftmax() : highest(std::numeric_limits<R>::lowest()), sum(0), weighted{} {}

  __device__ void add(R logit, const R (&value)[size]) {
    if (logit > highest) {
      const R scale = std::exp(highest - logit);
      sum *= scale;
#pragma unroll
      for (int i = 0; i < size; ++i) weighted[i] *= scale;
      highest = logit;
    }
    const R e = std::exp(logit - highest);
    sum += e;
#pragma unroll
    for (int i = 0; i < size; ++i) weighted[i] += e * value[i];
  }
};

template <class T, class Moves>
__global__ void __launch_bounds__(kThreads) compose_motion_kernel(ComposeMotion<T, Moves> of, Real<T>* deformation) {
  using R = Real<T>;
  constexpr int rank = Moves::rank;
  __shared__ Motion<R, rank> motions[kMotions];
  const FieldPoint<T, rank> here(of);
  const Logits<T, rank> logits(of, here.point);
  const bool affine = of.moves.affine();
  OnlineSoftmax<R, rank> softmax;
  for (int64_t first = 0; first < of.logits.channels; first += kMotions) {
    const int count = load_motions(motions, of, here.n, first);
    for (int k = 0; k < count; ++k) {
      R moved[rank];
      move(moved, of.moves, motions[k], here.n, first + k, here.g, affine);
      softmax.add(logits(first + k), moved);
    }
  }
  if (!here.active) return;
  R* const to = deformation + (here.n * of.points() + here.index) * rank;
#pragma unroll
  for (int i = 0; i < rank; ++i) {
    const R mean = softmax.weighted[i] / softmax.sum;
    to[i] = affine ? mean : here.g[i] + mean;
  }
}

// Where gradients go; those without data are not asked for.
template <class T>
struct ComposeMotionGradients {
  Volume<const Real<T>> deformation;
  Volume<T> logits;
  Real<T>* resized_logits;  // (B, K + 1, [D,] H, W), if the logits are resized
  Real<T>* of_tiles;        // of keypoints: sums of each motion and tile, see keypoints.cuh
  Real<T>* of_moved;        // of splines: of each motion and point, see splines.cuh
};

// Adds up, over the block, what each thread's point says about one motion.
template <class R, int rank>
__device__ inline void sum_over_warps(R (&of_warps)[kThreads / kWarp][rank + rank * rank], const R (&gradient)[rank],
                                      const R (&g)[rank], bool affine) {
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
#pragma unroll
  for (int i = 0; i < rank; ++i) {
    const R sum = sum_over_lanes(gradient[i], kWarp);
    if (lane == 0) of_warps[warp][i] = sum;
    if (!affine) continue;
#pragma unroll
    for (int j = 0; j < rank; ++j) {
      const R product = sum_over_lanes(gradient[i] * g[j], kWarp);
      if (lane == 0) of_warps[warp][rank + rank * i + j] = product;
    }
  }
}

template <class T, class Moves>
__global__ void __launch_bounds__(kThreads, kFewBlocks)
    compose_motion_gradient_kernel(ComposeMotion<T, Moves> of, ComposeMotionGradients<T> to) {
  using R = Real<T>;
  constexpr int warps = kThreads / kWarp, rank = Moves::rank;
  __shared__ Motion<R, rank> motions[kMotions];
  __shared__ R of_warps[Moves::bent ? 1 : kMotions][warps][rank + rank * rank];
  const FieldPoint<T, rank> here(of);
  const Logits<T, rank> logits(of, here.point);
  const bool affine = of.moves.affine();
  const R* const from = at(to.deformation, here.point);
  R gradient[rank];
#pragma unroll
  for (int i = 0; i < rank; ++i) gradient[i] = here.active ? from[i * to.deformation.stride_c] : R(0);
  const auto along = [&](const Motion<R, rank>& motion, int64_t k) {
    R moved[rank], sum = 0;
    move(moved, of.moves, motion, here.n, k, here.g, affine);
#pragma unroll
    for (int i = 0; i < rank; ++i) sum += gradient[i] * moved[i];
    return sum;
  };
  OnlineSoftmax<R, 1> softmax;
  for (int64_t first = 0; first < of.logits.channels; first += kMotions) {
    const int count = load_motions(motions, of, here.n, first);
    for (int k = 0; k < count; ++k) {
      const R value[1] = {along(motions[k], first + k)};
      softmax.add(logits(first + k), value);
    }
  }
  const R scale = 1 / softmax.sum, mean = softmax.weighted[0] * scale;
  for (int64_t first = 0; first < of.logits.channels; first += kMotions) {
    const int count = load_motions(motions, of, here.n, first);
    for (int k = 0; k < count; ++k) {
      const R mask = std::exp(logits(first + k) - softmax.highest) * scale;
      const bool wants_logits = to.logits.data != nullptr || to.resized_logits != nullptr;
      const R of_logit = wants_logits ? mask * (along(motions[k], first + k) - mean) : R(0);
      const int64_t plane = here.n * of.logits.channels + first + k;
      if (here.active && to.logits.data != nullptr) {
        at(to.logits, here.point)[(first + k) * to.logits.stride_c] = static_cast<T>(of_logit);
      }
      if (here.active && to.resized_logits != nullptr) {
        to.resized_logits[plane * of.points() + here.index] = of_logit;
      }
      R share[rank];
#pragma unroll
      for (int i = 0; i < rank; ++i) share[i] = mask * gradient[i];
      if constexpr (Moves::bent) {
        if (!here.active || to.of_moved == nullptr) continue;
#pragma unroll
        for (int i = 0; i < rank; ++i) to.of_moved[(plane * of.points() + here.index) * rank + i] = share[i];
      } else {
        if (to.of_tiles != nullptr) sum_over_warps(of_warps[k], share, here.g, affine);
      }
    }
    if constexpr (!Moves::bent) {
      if (to.of_tiles == nullptr) continue;
      __syncthreads();
      const int numbers = KeypointSums<R, rank>::count(affine, false, false);
      for (int i = threadIdx.x; i < count * numbers; i += kThreads) {
        const int k = i / numbers, number = i % numbers;
        if (first + k < of.moves.first()) continue;
        R sum = 0;
#pragma unroll
        for (int warp = 0; warp < warps; ++warp) sum += of_warps[k][warp][number];
        const int64_t motion = here.n * of.moves.learned() + first + k - of.moves.first();
        to.of_tiles[(motion * of.tiles + here.tile) * numbers + number] = sum;
      }
    }
  }
}

// The adjoint of resizing: a thread gathers for one logit from the points of the field that read it.
template <class T, class Moves>
__global__ void __launch_bounds__(kThreads)
    resize_logits_adjoint_kernel(ComposeMotion<T, Moves> of, const Real<T>* resized, Volume<T> grad_logits,
                                 int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  Point point;
  point.x = take_remainder(item, grad_logits.width);
  point.y = take_remainder(item, grad_logits.height);
  point.z = take_remainder(item, grad_logits.depth);
  const R* const volume = resized + item * of.points();
  const int64_t k = take_remainder(item, grad_logits.channels);
  point.n = item;
  const ResizeReaders zs = resize_readers<R>(point.z, grad_logits.depth, of.depth);
  const ResizeReaders ys = resize_readers<R>(point.y, grad_logits.height, of.height);
  const ResizeReaders xs = resize_readers<R>(point.x, grad_logits.width, of.width);
  R sum = 0;
  for (int64_t z = zs.begin; z < zs.end; ++z) {
    const R z_weight = resize_weight<R>(z, point.z, grad_logits.depth, of.depth);
    for (int64_t y = ys.begin; y < ys.end; ++y) {
      const R row_weight = z_weight * resize_weight<R>(y, point.y, grad_logits.height, of.height);
      const R* const row = volume + (z * of.height + y) * of.width;
      for (int64_t x = xs.begin; x < xs.end; ++x) {
        sum += row_weight * resize_weight<R>(x, point.x, grad_logits.width, of.width) * row[x];
      }
    }
  }
  at(grad_logits, point)[k * grad_logits.stride_c] = static_cast<T>(sum);
}

}  // namespace ptus::cuda
