#pragma once

#include <cstdint>

#include "common/macros.h"

namespace ptus {

// The two elements of a row of `from` that linear resizing to `to` elements reads for element i, by the convention of
// torch.nn.functional.interpolate with align_corners=False.
template <class Real>
struct ResizeTaps {
  int32_t index[2];
  Real weight[2];
};

template <class Real>
PTUS_INLINE ResizeTaps<Real> resize_taps(int64_t i, int64_t from, int64_t to) {
  const Real scale = static_cast<Real>(from) / static_cast<Real>(to);
  const Real centre = (static_cast<Real>(i) + Real(0.5)) * scale - Real(0.5);
  const Real position = centre > 0 ? centre : Real(0);
  const int32_t last = static_cast<int32_t>(from) - 1;
  const int32_t floor = static_cast<int32_t>(position);
  const int32_t first = floor < last ? floor : last;
  const Real fraction = position - static_cast<Real>(floor);
  const Real second_weight = first < last ? fraction : Real(0);
  return {{first, first < last ? first + 1 : first}, {1 - second_weight, second_weight}};
}

// The elements of the result that read element j: begin, begin + 1, …, before end.
struct ResizeReaders {
  int64_t begin, end;
};

template <class Real>
PTUS_INLINE ResizeReaders resize_readers(int64_t j, int64_t from, int64_t to) {
  // Estimated with room for rounding on either side, then taken in to those that do read it.
  const double ratio = static_cast<double>(to) / static_cast<double>(from), centre = static_cast<double>(j) + 0.5;
  const int64_t early = static_cast<int64_t>((centre - 1) * ratio) - 3,
                late = static_cast<int64_t>((centre + 1) * ratio) + 3;
  ResizeReaders readers = {j == 0 || early < 0 ? 0 : early, j == from - 1 || late > to ? to : late};
  while (readers.begin < to && resize_taps<Real>(readers.begin, from, to).index[1] < j) ++readers.begin;
  while (readers.end > readers.begin && resize_taps<Real>(readers.end - 1, from, to).index[0] > j) --readers.end;
  return readers;
}

// The weight with which element i of the result reads element j; 0 where it does not.
template <class Real>
PTUS_INLINE Real resize_weight(int64_t i, int64_t j, int64_t from, int64_t to) {
  const ResizeTaps<Real> taps = resize_taps<Real>(i, from, to);
  const Real first = taps.index[0] == j ? taps.weight[0] : Real(0);
  const Real second = taps.index[1] == j ? taps.weight[1] : Real(0);
  return first + second;
}

}  // namespace ptus
