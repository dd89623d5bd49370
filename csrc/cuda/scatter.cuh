#pragma once

#include "cuda/launch.cuh"
#include "cuda/stencil.cuh"

// The adjoint of interpolation at points that may lie anywhere: gradients are added to voxels by atomics, in the order
// in which the device comes to them. Sums of floating-point numbers are then not bitwise repeatable, and where that is
// asked for fixed_point.cuh has others. Everything else in this folder is summed in a fixed order.

namespace ptus::cuda {

template <class R>
struct FloatingSums {
  R* data;

  template <int size>
  __device__ void add(int64_t offset, const R (&numbers)[size]) const;
};

template <class R>
template <int size>
__device__ inline void FloatingSums<R>::add(int64_t offset, const R (&numbers)[size]) const {
  R* const to = data + offset;
#if __CUDA_ARCH__ >= 900
  if constexpr (std::is_same_v<R, float> && size % 4 == 0) {
#pragma unroll
    for (int i = 0; i < size; i += 4) {
      atomicAdd(reinterpret_cast<float4*>(to + i),
                make_float4(numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]));
    }
  } else
#endif
  {
#pragma unroll
    for (int i = 0; i < size; ++i) atomicAdd(to + i, numbers[i]);
  }
}

// Adds factor · gradient to the voxels of the stencil, in the channels at `offset`.
template <int size, int rank, class Sums, class R>
__device__ inline void scatter(const Sums& sums, int64_t offset, const Stencil<R, rank>& stencil, R factor,
                               const R (&gradient)[size]) {
#pragma unroll
  for (int corner = 0; corner < (1 << rank); ++corner) {
    const R weight = stencil.merged_weight(corner) * factor;
    // A corner without weight takes nothing, not even 0 times an infinite gradient.
    if (weight == 0) continue;
    R share[size];
#pragma unroll
    for (int i = 0; i < size; ++i) share[i] = weight * gradient[i];
    sums.add(offset + stencil.corner_offset(corner), share);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) round_kernel(T* to, Real<T>* from, int64_t count) {
  const int64_t i = item_of_thread();
  if (i < count) to[i] = static_cast<T>(from[i]);
}

// Where gradients are added up for a volume: in the volume itself, or for half types in float32 beside it, laid out
// alike.
template <class T>
class Accumulator {
 public:
  explicit Accumulator(Tensor& gradient) : gradient_(gradient) {
    if (std::is_same_v<T, Real<T>>) {
      sums_ = torch::stable::zero_(gradient);
    } else {
      sums_ = torch::stable::new_zeros(gradient, {gradient.numel()}, ScalarType::Float);
    }
  }

  Real<T>* sums() const { return static_cast<Real<T>*>(sums_.data_ptr()); }

  void finish(const Launcher& launcher) const {
    if constexpr (!std::is_same_v<T, Real<T>>) {
      const int64_t count = gradient_.numel();
      launcher.items(count, round_kernel<T>, static_cast<T*>(gradient_.data_ptr()), sums(), count);
    }
  }

 private:
  Tensor& gradient_;
  Tensor sums_;
};

}  // namespace ptus::cuda
