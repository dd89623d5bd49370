#pragma once

#include <cfloat>

#include "cuda/points.cuh"

// Sums that do not depend on the order of additions, since they are integers: every number is rounded to a multiple of
// a unit that is small enough for 45 bits of a gradient's largest number and large enough for the sum to fit 63.
// Where a gradient holds a number that is not finite there is no such unit, and all sums are NaN.

namespace ptus::cuda {

template <class R>
struct FixedPointSums {
  unsigned long long* data;
  const double* units_of_one;

  template <int size>
  __device__ void add(int64_t offset, const R (&numbers)[size]) const {
#pragma unroll
    for (int i = 0; i < size; ++i) {
      const long long units = __double2ll_rn(static_cast<double>(numbers[i]) * *units_of_one);
      atomicAdd(data + offset + i, static_cast<unsigned long long>(units));
    }
  }
};

// Raises `largest` to the largest magnitude in a volume, as the bits of a double: these are ordered like the numbers,
// with NaN above all.
template <class T>
__global__ void __launch_bounds__(kThreads)
    largest_kernel(Volume<const T> volume, unsigned long long* largest, int64_t count, int64_t threads) {
  unsigned long long found = 0;
  for (int64_t item = item_of_thread(); item < count; item += threads) {
    int64_t index = item;
    const int64_t c = take_remainder(index, volume.channels);
    const double number = static_cast<Real<T>>(*(at(volume, point_of(index, volume)) + c * volume.stride_c));
    const auto bits = static_cast<unsigned long long>(__double_as_longlong(fabs(number)));
    found = bits > found ? bits : found;
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    const unsigned long long other = __shfl_xor_sync(~0u, found, offset);
    found = other > found ? other : found;
  }
  if (threadIdx.x % kWarp == 0) atomicMax(largest, found);
}

// `bits` is how many bits count the numbers that one sum may take.
inline __global__ void units_kernel(const unsigned long long* largest, int factors, int bits, double* units_of_one) {
  double bound = 1;
  for (int i = 0; i < factors; ++i) bound *= __longlong_as_double(static_cast<long long>(largest[i]));
  int exponent = 0;
  frexp(bound, &exponent);
  const int shift = 62 - bits - exponent;
  *units_of_one = bound <= DBL_MAX ? ldexp(1.0, shift < 1000 ? shift : 1000) : bound - bound;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    to_floating_kernel(T* to, const long long* sums, const double* units_of_one, int64_t count) {
  const int64_t i = item_of_thread();
  if (i < count) to[i] = static_cast<T>(static_cast<Real<T>>(static_cast<double>(sums[i]) / *units_of_one));
}

// As Accumulator, for products of numbers from `gradient` and perhaps `factor`, of which a sum takes at most `terms`.
template <class T>
class FixedPointAccumulator {
 public:
  FixedPointAccumulator(const Launcher& launcher, Tensor& to, const Volume<const T>& gradient,
                        const Volume<const Real<T>>& factor, int64_t terms)
      : to_(to),
        sums_(torch::stable::new_zeros(to, {to.numel()}, ScalarType::Long)),
        state_(torch::stable::new_zeros(to, {3}, ScalarType::Long)) {
    auto* const largest = static_cast<unsigned long long*>(state_.data_ptr());
    find_largest(launcher, gradient, largest);
    if (factor.data != nullptr) find_largest(launcher, factor, largest + 1);
    int bits = 0;
    while (bits < 62 && (int64_t{1} << bits) < terms) ++bits;
    launcher.blocks(1, units_kernel, largest, factor.data != nullptr ? 2 : 1, bits, units_of_one());
  }

  FixedPointSums<Real<T>> sums() const { return {static_cast<unsigned long long*>(sums_.data_ptr()), units_of_one()}; }

  void finish(const Launcher& launcher) const {
    const int64_t count = to_.numel();
    launcher.items(count, to_floating_kernel<T>, static_cast<T*>(to_.data_ptr()),
                   static_cast<const long long*>(sums_.data_ptr()), units_of_one(), count);
  }

 private:
  double* units_of_one() const { return static_cast<double*>(state_.data_ptr()) + 2; }

  template <class From>
  static void find_largest(const Launcher& launcher, const Volume<const From>& volume, unsigned long long* largest) {
    constexpr int64_t most_threads = int64_t{1} << 18;
    const int64_t count = volume.rows() * volume.width * volume.channels;
    const int64_t threads = ceil_div(std::min(count, most_threads), kThreads) * kThreads;
    launcher.items(threads, largest_kernel<From>, volume, largest, count, threads);
  }

  Tensor& to_;
  Tensor sums_, state_;  // the state: two largest magnitudes, and how many units make 1
};

}  // namespace ptus::cuda
