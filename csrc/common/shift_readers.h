#pragma once

#include <cmath>
#include <cstdint>

#include "common/coordinates.h"
#include "common/motion.h"

namespace ptus {

// The points of the identity grid, all moved by the same displacement along an axis, that read one voxel by
// interpolation with zeros outside: first, first + 1 and first + 2, with these weights. Neighbours on the grid are at
// least a voxel apart, so there are at most two, and three where rounding puts the outer ones on a voxel.
template <class Real>
struct alignas(4 * sizeof(Real)) ShiftReaders {
  Real weight[3];
  int32_t first;
};

template <class Real>
PTUS_INLINE ShiftReaders<Real> shift_readers(int64_t voxel, int64_t size, Real displacement, bool align_corners) {
  const Axis<Real> axis(size, align_corners);
  const Real start = (identity_coordinate<Real>(0, size) + displacement + 1) * axis.scale + axis.shift;
  const Real step = size > 1 ? 2 * axis.scale / static_cast<Real>(size - 1) : Real(1);
  // Point i lies at about start + i · step: the first that can reach the voxel, or a number where there is none.
  Real first = (static_cast<Real>(voxel) - 1 - start) / step;
  first = first > -4 ? first : Real(-4);
  first = first < static_cast<Real>(size) ? first : static_cast<Real>(size);
  const int32_t begin = static_cast<int32_t>(std::floor(first)) - 1;
  ShiftReaders<Real> readers = {{0, 0, 0}, 0};
  bool found = false;
  for (int32_t i = begin; i < begin + 5; ++i) {
    if (i < 0 || i >= size) continue;
    const AxisTaps<Real> taps =
        axis_taps(identity_coordinate<Real>(i, size) + displacement, axis, Interpolation::bilinear, Padding::zeros);
    Real weight = 0;
    for (int t = 0; t < 2; ++t) weight += taps.inside && taps.index[t] == voxel ? taps.weight[t] : Real(0);
    if (weight == 0) continue;
    if (!found) readers.first = i;
    found = true;
    for (int t = 0; t < 3; ++t) readers.weight[t] = i - readers.first == t ? weight : readers.weight[t];
  }
  return readers;
}

}  // namespace ptus
