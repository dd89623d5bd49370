#pragma once

#include "common/modulation.h"
#include "cuda/points.cuh"

// The kernels of spade_modulate. Sums over a channel are made by blocks of some points each, which a thread for each
// channel then brings together: all in an order that depends on sizes alone.

namespace ptus::cuda {

template <class T>
struct SpadeModulate {
  Volume<const T> x, gamma, beta;
  int64_t scale;
  Real<T> negative_slope, eps;
  bool along_x;  // where x is contiguous; otherwise threads that follow one another take channels

  __host__ __device__ int64_t points() const { return x.height * x.width; }
  __host__ __device__ int64_t channels() const { return x.batch * x.channels; }
};

// How the points and channels of a sample are shared out when there are sums over its points.
struct Blocks {
  int channel_lanes;      // channels that a block takes
  int64_t groups;         // of so many channels
  int64_t chunks;         // of points
  int64_t points_of_one;  // points of a chunk

  template <class T>
  explicit Blocks(const SpadeModulate<T>& of) : channel_lanes(1) {
    while (!of.along_x && channel_lanes < kWarp && channel_lanes < of.x.channels) channel_lanes *= 2;
    groups = ceil_div(of.x.channels, channel_lanes);
    constexpr int64_t most_chunks = 64, least_of_thread = 16;
    const int64_t lanes = kThreads / channel_lanes;
    points_of_one = std::max(ceil_div(of.points(), most_chunks * lanes), least_of_thread) * lanes;
    chunks = ceil_div(of.points(), points_of_one);
  }

  int64_t count(int64_t batch) const { return batch * groups * chunks; }
};

// What a thread of such a block takes: points first, first + step, … before last, of channel c.
struct BlockShare {
  int64_t n, c, first, last, step;
  int64_t slot;  // of the sum of its channel in this chunk: those of a chunk lie side by side
  bool there, writes;

  template <class T>
  __device__ BlockShare(const SpadeModulate<T>& of, const Blocks& blocks) : n(blockIdx.x) {
    const int64_t group = take_remainder(n, blocks.groups), chunk = take_remainder(n, blocks.chunks);
    const int lane = threadIdx.x % blocks.channel_lanes;
    c = group * blocks.channel_lanes + lane;
    there = c < of.x.channels;
    writes = there && static_cast<int>(threadIdx.x) < blocks.channel_lanes;
    step = kThreads / blocks.channel_lanes;
    first = chunk * blocks.points_of_one + threadIdx.x / blocks.channel_lanes;
    last = (chunk + 1) * blocks.points_of_one;
    if (last > of.points()) last = of.points();
    if (!there) last = first;
    slot = (n * blocks.chunks + chunk) * of.x.channels + c;
  }
};

template <class R>
struct PassedSums {
  R plain, products;
};

template <class R>
__device__ inline PassedSums<R> merged(const PassedSums<R>& a, const PassedSums<R>& b) {
  return {a.plain + b.plain, a.products + b.products};
}

// What the threads of a block have for each channel, brought together in its first threads.
template <class Sums>
__device__ inline Sums merged_over_block(Sums sums, int channel_lanes) {
  __shared__ Sums of_threads[kThreads];
  of_threads[threadIdx.x] = sums;
  for (int half = kThreads / 2; half >= channel_lanes; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half) {
      of_threads[threadIdx.x] = merged(of_threads[threadIdx.x], of_threads[threadIdx.x + half]);
    }
  }
  return of_threads[threadIdx.x];
}

template <class T>
__device__ inline int64_t offset_of_point(const Volume<T>& volume, int64_t point) {
  const int64_t x = take_remainder(point, volume.width);
  return point * volume.stride_y + x * volume.stride_x;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    spade_moments_kernel(SpadeModulate<T> of, Blocks blocks, Moments<Real<T>>* of_chunks) {
  using R = Real<T>;
  constexpr int several = 4;  // loads under way at a time
  const BlockShare share(of, blocks);
  const T* const plane = of.x.data + share.n * of.x.stride_n + share.c * of.x.stride_c;
  Moments<R> all = {};
  for (int64_t p = share.first; p < share.last; p += several * share.step) {
    R numbers[several], count = 0, sum = 0, squares = 0;
#pragma unroll
    for (int i = 0; i < several; ++i) {
      const bool there = p + i * share.step < share.last;
      numbers[i] = there ? static_cast<R>(plane[offset_of_point(of.x, p + i * share.step)]) : R(0);
      sum += numbers[i];
      count += there ? R(1) : R(0);
    }
    const R mean = sum / count;
#pragma unroll
    for (int i = 0; i < several; ++i) {
      const R off = p + i * share.step < share.last ? numbers[i] - mean : R(0);
      squares += off * off;
    }
    all = merged(all, Moments<R>{count, mean, squares});
  }
  all = merged_over_block(all, blocks.channel_lanes);
  if (share.writes) of_chunks[share.slot] = all;
}

template <class R>
struct Normalisation {
  R mean, inverse_deviation;

  __device__ R of(R x) const { return (x - mean) * inverse_deviation; }
};

// What the chunks have for a channel, brought together.
template <class Sums>
__device__ inline Sums merged_over_chunks(const Sums* of_chunks, int64_t channel, int64_t channels, int64_t chunks) {
  int64_t n = channel;
  const int64_t c = take_remainder(n, channels);
  Sums all = {};
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    all = merged(all, of_chunks[(n * chunks + chunk) * channels + c]);
  }
  return all;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    spade_statistics_kernel(SpadeModulate<T> of, int64_t chunks, const Moments<Real<T>>* of_chunks,
                            Normalisation<Real<T>>* of_channels) {
  const int64_t channel = item_of_thread();
  if (channel >= of.channels()) return;
  const Moments<Real<T>> all = merged_over_chunks(of_chunks, channel, of.x.channels, chunks);
  of_channels[channel] = {all.mean, 1 / std::sqrt(all.squares / all.count + of.eps)};
}

struct Place {
  int64_t n, c, y, x;

  template <class T>
  __device__ T* in(const Volume<T>& volume) const {
    return volume.data + n * volume.stride_n + c * volume.stride_c + y * volume.stride_y + x * volume.stride_x;
  }
};

// Where a pack of a feature begins, counted in the order in which a contiguous or a channels-last one lies in memory.
template <int pack, class T>
__device__ inline Place place_of_pack(int64_t item, bool along_x, const Volume<T>& of) {
  Place place;
  if (along_x) {
    place.x = take_remainder(item, of.width / pack) * pack;
    place.y = take_remainder(item, of.height);
    place.c = take_remainder(item, of.channels);
  } else {
    place.c = take_remainder(item, of.channels / pack) * pack;
    place.x = take_remainder(item, of.width);
    place.y = take_remainder(item, of.height);
  }
  place.n = item;
  return place;
}

template <class T, int pack>
__global__ void __launch_bounds__(kThreads)
    spade_modulate_kernel(SpadeModulate<T> of, const Normalisation<Real<T>>* of_channels, Volume<T> output,
                          int64_t count) {
  using R = Real<T>;
  const int64_t item = item_of_thread();
  if (item >= count) return;
  const Place place = place_of_pack<pack>(item, of.along_x, output);
  R numbers[pack], gamma[pack], beta[pack];
  load(gamma, place.in(of.gamma));
  load(beta, place.in(of.beta));
  const T* const row =
      of.x.data + place.n * of.x.stride_n + place.c * of.x.stride_c + place.y / of.scale * of.x.stride_y;
  if (of.along_x && of.scale > 1) {
#pragma unroll
    for (int i = 0; i < pack; ++i) numbers[i] = static_cast<R>(row[(place.x + i) / of.scale * of.x.stride_x]);
  } else {
    load(numbers, row + place.x / of.scale * of.x.stride_x);
  }
  const Normalisation<R>* const by = of_channels + place.n * output.channels + place.c;
#pragma unroll
  for (int i = 0; i < pack; ++i) {
    const R normalised = by[of.along_x ? 0 : i].of(numbers[i]);
    numbers[i] = leaky_relu(modulate(normalised, gamma[i], beta[i]), of.negative_slope);
  }
  store(place.in(output), numbers);
}

// Gradients without data are not asked for. What passes to the normalised x is a dense tensor in the order of the
// gradient of x, whose memory it may be.
template <class T>
struct SpadeGradients {
  Volume<const T> output;
  Volume<T> x, gamma, beta;
  Real<T>* passed;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    spade_gradient_kernel(SpadeModulate<T> of, Blocks blocks, const Normalisation<Real<T>>* of_channels,
                          SpadeGradients<T> to, PassedSums<Real<T>>* of_chunks) {
  using R = Real<T>;
  const BlockShare share(of, blocks);
  PassedSums<R> sums = {};
  for (int64_t p = share.first; p < share.last; p += share.step) {
    int64_t y = p;
    const int64_t x = take_remainder(y, of.x.width);
    const Place place = {share.n, share.c, y, x};
    const R normalised = of_channels[share.n * of.x.channels + share.c].of(static_cast<R>(*place.in(of.x)));
    R passed = 0;
    for (int64_t step = 0; step < of.scale * of.scale; ++step) {
      const Place at = {share.n, share.c, y * of.scale + step / of.scale, x * of.scale + step % of.scale};
      const R gamma = static_cast<R>(*at.in(of.gamma)), beta = static_cast<R>(*at.in(of.beta));
      const R gradient =
          leaky_relu_slope(static_cast<R>(*at.in(to.output)), modulate(normalised, gamma, beta), of.negative_slope);
      if (to.gamma.data != nullptr) *at.in(to.gamma) = static_cast<T>(gradient * normalised);
      if (to.beta.data != nullptr) *at.in(to.beta) = static_cast<T>(gradient);
      passed += gradient * (1 + gamma);
    }
    if (to.passed == nullptr) continue;
    const int64_t sample = share.n * of.x.channels * of.points();
    to.passed[sample + (of.along_x ? share.c * of.points() + p : p * of.x.channels + share.c)] = passed;
    sums.plain += passed;
    sums.products += passed * normalised;
  }
  if (to.passed == nullptr) return;
  sums = merged_over_block(sums, blocks.channel_lanes);
  if (share.writes) of_chunks[share.slot] = sums;
}

// The means over the points of a channel.
template <class T>
__global__ void __launch_bounds__(kThreads)
    spade_means_kernel(SpadeModulate<T> of, int64_t chunks, const PassedSums<Real<T>>* of_chunks,
                       PassedSums<Real<T>>* of_channels) {
  using R = Real<T>;
  const int64_t channel = item_of_thread();
  if (channel >= of.channels()) return;
  const PassedSums<R> all = merged_over_chunks(of_chunks, channel, of.x.channels, chunks);
  const R points = static_cast<R>(of.points());
  of_channels[channel] = {all.plain / points, all.products / points};
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    spade_input_gradient_kernel(SpadeModulate<T> of, const Normalisation<Real<T>>* of_channels,
                                const PassedSums<Real<T>>* means, SpadeGradients<T> to, int64_t count) {
  using R = Real<T>;
  const int64_t item = item_of_thread();
  if (item >= count) return;
  const Place place = place_of_pack<1>(item, of.along_x, of.x);
  const int64_t channel = place.n * of.x.channels + place.c;
  const Normalisation<R> by = of_channels[channel];
  const R normalised = by.of(static_cast<R>(*place.in(of.x)));
  const R off = to.passed[item] - means[channel].plain - normalised * means[channel].products;
  *place.in(to.x) = static_cast<T>(by.inverse_deviation * off);
}

}  // namespace ptus::cuda
