#pragma once

#include "cuda/launch.cuh"

// How threads share out the points of a volume, and how they read and write what lies there.

namespace ptus::cuda {

struct Point {
  int64_t n, z, y, x;
};

// Of the points of a volume, counted along x first.
template <class T>
__device__ inline Point point_of(int64_t index, const Volume<T>& volume) {
  Point point;
  point.x = take_remainder(index, volume.width);
  point.y = take_remainder(index, volume.height);
  point.z = take_remainder(index, volume.depth);
  point.n = index;
  return point;
}

template <class T>
__device__ inline int64_t row_offset(const Volume<T>& volume, const Point& point) {
  return point.z * volume.stride_z + point.y * volume.stride_y + point.x * volume.stride_x;
}

template <class T>
__device__ inline T* at(const Volume<T>& volume, const Point& point) {
  return volume.data + point.n * volume.stride_n + row_offset(volume, point);
}

// How many numbers of a type are moved in one instruction where they lie side by side: 16 bytes. Double is for checking
// the others, and not worth kernels of its own.
template <class T>
inline constexpr int kPack = sizeof(T) == 8 ? 1 : 16 / sizeof(T);

// Reads one number, or kPack<T> of them.
template <int size, class T>
__device__ inline void load(Real<T> (&to)[size], const T* from) {
  static_assert(size == 1 || size == kPack<T>);
  struct alignas(sizeof(T) * size) Pack {
    T values[size];
  };
  const Pack pack = *reinterpret_cast<const Pack*>(from);
#pragma unroll
  for (int i = 0; i < size; ++i) to[i] = static_cast<Real<T>>(pack.values[i]);
}

template <int size, class T>
__device__ inline void store(T* to, const Real<T> (&from)[size]) {
  static_assert(size == 1 || size == kPack<T>);
  if constexpr (size == 1) {
    *to = static_cast<T>(from[0]);
  } else {
    T values[size];
#pragma unroll
    for (int i = 0; i < size; ++i) values[i] = static_cast<T>(from[i]);
    // The compiler would split a plain assignment into the numbers that it is made of.
    uint4 bits;
    memcpy(&bits, values, sizeof(bits));
    __stwb(reinterpret_cast<uint4*>(to), bits);
  }
}

// Whether a volume can be read in packs along an axis: its numbers lie side by side there, and packs are aligned. A
// volume without data is not read at all.
template <class T>
bool has_packs(const Volume<T>& volume, int64_t size, int64_t stride, int64_t other_strides) {
  return volume.data == nullptr || (stride == 1 && size % kPack<T> == 0 && other_strides % kPack<T> == 0 &&
                                    reinterpret_cast<uintptr_t>(volume.data) % 16 == 0);
}

template <class T>
bool has_packs_of_channels(const Volume<T>& volume) {
  return has_packs(volume, volume.channels, volume.stride_c,
                   volume.stride_n | volume.stride_z | volume.stride_y | volume.stride_x);
}

template <class T>
bool has_packs_of_pixels(const Volume<T>& volume) {
  return has_packs(volume, volume.width, volume.stride_x,
                   volume.stride_n | volume.stride_c | volume.stride_z | volume.stride_y);
}

// How threads share out points, and what there is to do at each: a number of packs. Where these lie side by side,
// several lanes of a warp share a point, so that they read whole sectors. Where there are few points, its packs are cut
// into chunks.
struct Sharing {
  int64_t points;
  int lanes;
  int64_t packs;
  int64_t packs_of_chunk;
  int64_t chunks;

  int64_t items() const { return points * lanes * chunks; }
};

// The share of a thread: packs first, first + step, …, before last.
struct Share {
  int64_t chunk, first, last;
  int lane, step;
};

// Lanes come first, then points, then chunks; `item` becomes the number of the point.
__device__ inline Share take_share(int64_t& item, const Sharing& sharing) {
  const int lane = static_cast<int>(take_remainder(item, sharing.lanes));
  int64_t chunk = item;
  item = take_remainder(chunk, sharing.points);
  const int64_t begin = chunk * sharing.packs_of_chunk, end = begin + sharing.packs_of_chunk;
  return {chunk, begin + lane, end < sharing.packs ? end : sharing.packs, lane, sharing.lanes};
}

// About two packs for each lane: with fewer, finding the point would cost more than its packs.
inline int lanes_for(int64_t packs) {
  int lanes = 1;
  while (lanes < 8 && lanes * 2 < packs) lanes *= 2;
  return lanes;
}

inline Sharing share_whole_points(int64_t points, int64_t packs, int lanes) { return {points, lanes, packs, packs, 1}; }

// Chunks as long as possible, but enough threads to fill a large device.
inline Sharing share_in_chunks(int64_t points, int64_t packs, int lanes) {
  constexpr int64_t threads = 1 << 18, least = 4;
  const int64_t of_thread = std::max(least, packs * points / threads);
  const int64_t of_chunk = std::min(std::max<int64_t>(1, packs), of_thread * lanes);
  return {points, lanes, packs, of_chunk, std::max<int64_t>(1, ceil_div(packs, of_chunk))};
}

// The sum over the lanes that share a point, which all of them get; in an order that depends on nothing.
template <class R>
__device__ inline R sum_over_lanes(R value, int lanes) {
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned group = (lanes == kWarp ? ~0u : (1u << lanes) - 1) << (lane & ~(static_cast<unsigned>(lanes) - 1));
  for (int offset = lanes / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(group, value, offset);
  return value;
}

}  // namespace ptus::cuda
