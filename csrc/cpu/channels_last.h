#pragma once

#include <algorithm>

#include "cpu/scratch.h"
#include "host/tensor_view.h"

// Sampling reads all channels of a voxel together, so it wants them side by side.

namespace ptus {

// Copies sample n to a dense channels-last volume, by all threads.
template <class T>
void pack_sample(T* to, const Volume<const T>& from, int64_t n);

// Calls run(packed) with a volume of the same size in which every sample is sample n, copied to scratch memory.
template <class T, class F>
void with_packed_sample(const Volume<const T>& volume, int64_t n, const F& run) {
  Volume<const T> packed = volume;
  packed.stride_n = 0;
  packed.stride_c = 1;
  packed.stride_x = volume.channels;
  packed.stride_y = volume.width * packed.stride_x;
  packed.stride_z = volume.height * packed.stride_y;
  const Scratch scratch(volume.depth * packed.stride_z * static_cast<int64_t>(sizeof(T)));
  packed.data = scratch.as<T>();
  pack_sample(scratch.as<T>(), volume, n);
  run(packed);
}

// An expanded tensor has one sample, whatever its batch.
template <class T>
int64_t different_samples(const Volume<T>& volume) {
  return volume.stride_n == 0 ? std::min<int64_t>(1, volume.batch) : volume.batch;
}

// Calls run(volume, n_begin, n_end) for samples whose channels lie side by side: for all of the batch at once where the
// tensor is so, otherwise for one sample after the other, each copied to the same scratch.
template <class T, class F>
void with_channels_last(const Volume<const T>& volume, const F& run) {
  if (has_channels_last(volume)) return run(volume, int64_t{0}, volume.batch);
  for (int64_t n = 0; n < different_samples(volume); ++n) {
    const int64_t end = volume.stride_n == 0 ? volume.batch : n + 1;
    with_packed_sample(volume, n, [&](const Volume<const T>& packed) { run(packed, n, end); });
  }
}

}  // namespace ptus
