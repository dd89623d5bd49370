#pragma once

#include <cfloat>
#include <cmath>

#include "cuda/points.cuh"

// Sums that do not depend on the order of additions, since they are integers: every number is rounded to a multiple of
// a unit that is small enough for 45 bits of a gradient's largest number and large enough for the sum to fit 63.
// Numbers that are not finite have no multiple: which of them a sum takes is noted beside it.

namespace ptus::cuda {

enum NotFinite : unsigned { kInfinity = 1, kMinusInfinity = 2, kNaN = 4 };

template <class R>
struct FixedPointSums {
  unsigned long long* data;
  unsigned* not_finite;
  const double* units_of_one;

  template <int size>
  __device__ void add(int64_t offset, const R (&numbers)[size]) const {
#pragma unroll
    for (int i = 0; i < size; ++i) {
      const double number = numbers[i];
      if (fabs(number) <= DBL_MAX) {
        const long long units = __double2ll_rn(number * *units_of_one);
        atomicAdd(data + offset + i, static_cast<unsigned long long>(units));
      } else {
        const unsigned kind = number > 0 ? kInfinity : number < 0 ? kMinusInfinity : kNaN;
        atomicOr(not_finite + offset + i, kind);
      }
    }
  }
};

// Raises `largest` to the largest finite magnitude in a volume, as the bits of a double: these are ordered like the
// numbers.
template <class T>
__global__ void __launch_bounds__(kThreads)
    largest_kernel(Volume<const T> volume, unsigned long long* largest, int64_t count, int64_t threads) {
  unsigned long long found = 0;
  for (int64_t item = item_of_thread(); item < count; item += threads) {
    int64_t index = item;
    const int64_t c = take_remainder(index, volume.channels);
    const double number = static_cast<Real<T>>(*(at(volume, point_of(index, volume)) + c * volume.stride_c));
    const auto bits = static_cast<unsigned long long>(__double_as_longlong(fabs(number)));
    if (fabs(number) <= DBL_MAX && bits > found) found = bits;
  }
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    const unsigned long long other = __shfl_xor_sync(~0u, found, offset);
    found = other > found ? other : found;
  }
  if (threadIdx.x % kWarp == 0) atomicMax(largest, found);
}

// `bits` is how many bits count the numbers that one sum may take.
inline __global__ void units_kernel(const unsigned long long* largest, int factors, int bits, double* units_of_one) {
  if (threadIdx.x != 0) return;
  double bound = 1;
  for (int i = 0; i < factors; ++i) bound *= __longlong_as_double(static_cast<long long>(largest[i]));
  int exponent = 0;
  frexp(fmin(bound, DBL_MAX), &exponent);
  const int shift = 62 - bits - exponent;
  *units_of_one = ldexp(1.0, shift < 1000 ? shift : 1000);
}

template <class T>
__global__ void __launch_bounds__(kThreads) to_floating_kernel(T* to, FixedPointSums<Real<T>> sums, int64_t count) {
  const int64_t i = item_of_thread();
  if (i >= count) return;
  double sum = static_cast<double>(static_cast<long long>(sums.data[i])) / *sums.units_of_one;
  if (sums.not_finite[i] & kInfinity) sum += HUGE_VAL;
  if (sums.not_finite[i] & kMinusInfinity) sum -= HUGE_VAL;
  if (sums.not_finite[i] & kNaN) sum = HUGE_VAL - HUGE_VAL;
  to[i] = static_cast<T>(static_cast<Real<T>>(sum));
}

// As Accumulator, for products of numbers from `gradient` and perhaps `factor`, of which a sum takes at most `terms`.
template <class T>
class FixedPointAccumulator {
 public:
  FixedPointAccumulator(const Launcher& launcher, Tensor& to, const Volume<const T>& gradient,
                        const Volume<const Real<T>>& factor, int64_t terms)
      : to_(to),
        sums_(torch::stable::new_zeros(to, {to.numel()}, ScalarType::Long)),
        not_finite_(torch::stable::new_zeros(to, {to.numel()}, ScalarType::Int)),
        state_(torch::stable::new_zeros(to, {3}, ScalarType::Long)) {
    auto* const largest = static_cast<unsigned long long*>(state_.data_ptr());
    find_largest(launcher, gradient, largest);
    if (factor.data != nullptr) find_largest(launcher, factor, largest + 1);
    int bits = 0;
    while (bits < 62 && (int64_t{1} << bits) < terms) ++bits;
    launcher.blocks(1, units_kernel, largest, factor.data != nullptr ? 2 : 1, bits, units_of_one());
  }

  FixedPointSums<Real<T>> sums() const {
    return {static_cast<unsigned long long*>(sums_.data_ptr()), static_cast<unsigned*>(not_finite_.data_ptr()),
            units_of_one()};
  }

  void finish(const Launcher& launcher) const {
    const int64_t count = to_.numel();
    launcher.items(count, to_floating_kernel<T>, static_cast<T*>(to_.data_ptr()), sums(), count);
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
  Tensor sums_, not_finite_;
  Tensor state_;  // the state: two largest magnitudes, and how many units make 1
};

}  // namespace ptus::cuda
