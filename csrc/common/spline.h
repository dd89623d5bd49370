#pragma once

#include <cmath>

#include "common/macros.h"

// Thin-plate splines of images: motion(g) = Θᵀ [g; 1] + Σ_j w_j r_j² log(r_j² + ε), r_j = ‖g - c_j‖.

namespace ptus {

inline constexpr double kSplineEpsilon = 1e-9;

template <class Real>
PTUS_INLINE Real radial_basis(Real squared_distance) {
  return squared_distance * std::log(squared_distance + static_cast<Real>(kSplineEpsilon));
}

// d radial_basis / d squared_distance
template <class Real>
PTUS_INLINE Real radial_basis_slope(Real squared_distance) {
  const Real from_zero = squared_distance + static_cast<Real>(kSplineEpsilon);
  return std::log(from_zero) + squared_distance / from_zero;
}

// One control point c_j and its weight w_j, or the gradients of both.
template <class Real>
struct Bend {
  Real point[2];
  Real weight[2];
};

}  // namespace ptus
