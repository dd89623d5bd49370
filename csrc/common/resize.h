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

}  // namespace ptus
