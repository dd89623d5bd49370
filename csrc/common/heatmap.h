#pragma once

#include <cmath>

#include "common/macros.h"

// The Gaussian of a keypoint is a product of one factor an axis: exp(-½ (g - kp)² / v).

namespace ptus {

template <class Real>
PTUS_INLINE Real gaussian(Real coordinate, Real keypoint, Real variance) {
  const Real offset = coordinate - keypoint;
  return std::exp(Real(-0.5) * offset * offset / variance);
}

// d gaussian / d keypoint, given the Gaussian.
template <class Real>
PTUS_INLINE Real gaussian_slope(Real value, Real coordinate, Real keypoint, Real variance) {
  return value * (coordinate - keypoint) / variance;
}

}  // namespace ptus
