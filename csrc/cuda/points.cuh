#pragma once

#include "cuda/launch.cuh"

// How threads share out the points of a volume and their channels, and how they read and write them.

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

// `size` numbers that lie side by side, moved in one instruction.
template <class T, int size>
struct alignas(sizeof(T) * size) Pack {
  T values[size];
};

template <int size, class T>
__device__ inline void load(Real<T> (&to)[size], const T* from) {
  const auto pack = *reinterpret_cast<const Pack<T, size>*>(from);
#pragma unroll
  for (int i = 0; i < size; ++i) to[i] = static_cast<Real<T>>(pack.values[i]);
}

template <int size, class T>
__device__ inline void store(T* to, const Real<T> (&from)[size]) {
  Pack<T, size> pack;
#pragma unroll
  for (int i = 0; i < size; ++i) pack.values[i] = static_cast<T>(from[i]);
  *reinterpret_cast<Pack<T, size>*>(to) = pack;
}

// The largest pack of a type: 16 bytes.
template <class T>
inline constexpr int kPack = 16 / sizeof(T);

// Whether the channels of a volume can be read in the largest packs. A volume without data is not read at all.
template <class T>
bool has_packs(const Volume<T>& volume) {
  const int64_t strides = volume.stride_n | volume.stride_z | volume.stride_y | volume.stride_x;
  return volume.data == nullptr || (volume.stride_c == 1 && volume.channels % kPack<T> == 0 &&
                                    strides % kPack<T> == 0 && reinterpret_cast<uintptr_t>(volume.data) % 16 == 0);
}

// Several lanes of a warp share the channels of a point where these lie side by side, so that they read whole sectors.
// Otherwise a thread takes a point, and neighbours along x read side by side; `chunks` threads then share its channels
// where there are few points.
struct Sharing {
  int64_t points;
  int lanes;
  int64_t chunks;
  int64_t packs;  // of all channels
  int64_t packs_of_chunk;

  int64_t items() const { return points * lanes * chunks; }
};

// The packs of a thread: first, first + step, …, before last.
struct Share {
  int64_t first, last;
  int step;
};

// Lanes first, then points, then chunks; `item` becomes the number of the point.
__device__ inline Share take_share(int64_t& item, const Sharing& sharing) {
  const int64_t lane = take_remainder(item, sharing.lanes);
  int64_t chunk = item;
  item = take_remainder(chunk, sharing.points);
  const int64_t begin = chunk * sharing.packs_of_chunk;
  const int64_t end = begin + sharing.packs_of_chunk;
  return {begin + lane, end < sharing.packs ? end : sharing.packs, sharing.lanes};
}

// With about two packs for each lane: fewer would spend more on finding the point than on its channels.
inline Sharing share_among_lanes(int64_t packs, int64_t points) {
  int lanes = 1;
  while (lanes < 8 && lanes * 2 < packs) lanes *= 2;
  return {points, lanes, 1, packs, packs};
}

// Chunks as long as possible, but enough threads to fill a large device.
inline Sharing share_in_chunks(int64_t packs, int64_t points) {
  constexpr int64_t threads = 1 << 18, least = 4;
  const int64_t wanted = std::min(std::max<int64_t>(1, threads / std::max<int64_t>(1, points)), ceil_div(packs, least));
  const int64_t of_chunk = std::max<int64_t>(1, ceil_div(packs, std::max<int64_t>(1, wanted)));
  return {points, 1, std::max<int64_t>(1, ceil_div(packs, of_chunk)), packs, of_chunk};
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
