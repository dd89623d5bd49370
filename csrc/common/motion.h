#pragma once

#include <cstdint>

#include "common/macros.h"

// The motions that keypoints describe, of a volume (rank 3) or an image (rank 2): motion_k(g) = J_k (g - kd_k) + ks_k
// at the point g of the identity grid.

namespace ptus {

// Normalised coordinate of voxel i of `size`, end points -1 and 1 included; an axis of one voxel lies at 0.
template <class Real>
PTUS_INLINE Real identity_coordinate(int64_t i, int64_t size) {
  return size > 1 ? static_cast<Real>(2 * i - (size - 1)) / static_cast<Real>(size - 1) : Real(0);
}

// motion(g) = linear · g + offset, rows and columns in the order x, y, z.
template <class Real, int rank>
struct Motion {
  Real linear[rank][rank];
  Real offset[rank];
};

// `jacobian` holds rank² numbers, row by row, or is null for the identity.
template <int rank, class Real>
PTUS_INLINE Motion<Real, rank> motion_of_keypoint(const Real* kp_driving, const Real* kp_source, const Real* jacobian) {
  Motion<Real, rank> motion;
  for (int i = 0; i < rank; ++i) {
    // Without a jacobian no axis has to do with the others, not even 0 times what is infinite in one.
    Real moved = jacobian != nullptr ? 0 : kp_driving[i];
    for (int j = 0; j < rank; ++j) {
      motion.linear[i][j] = jacobian != nullptr ? jacobian[rank * i + j] : static_cast<Real>(i == j);
      if (jacobian != nullptr) moved += motion.linear[i][j] * kp_driving[j];
    }
    motion.offset[i] = kp_source[i] - moved;
  }
  return motion;
}

// `background` holds rows [linear | offset], or is null for the identity.
template <int rank, class Real>
PTUS_INLINE Motion<Real, rank> motion_of_background(const Real* background) {
  Motion<Real, rank> motion;
  for (int i = 0; i < rank; ++i) {
    const Real* const row = background + (rank + 1) * i;
    for (int j = 0; j < rank; ++j) motion.linear[i][j] = background != nullptr ? row[j] : static_cast<Real>(i == j);
    motion.offset[i] = background != nullptr ? row[rank] : Real(0);
  }
  return motion;
}

// What the gradients of a motion's numbers say about its keypoint and jacobian.
template <int rank, class Real>
PTUS_INLINE void gradient_of_keypoint(const Motion<Real, rank>& gradient, const Real* kp_driving, const Real* jacobian,
                                      Real* grad_driving, Real* grad_source, Real* grad_jacobian) {
  for (int i = 0; i < rank; ++i) {
    Real moved = 0;
    for (int j = 0; j < rank; ++j) {
      const Real linear = jacobian != nullptr ? jacobian[rank * j + i] : static_cast<Real>(i == j);
      moved += linear * gradient.offset[j];
      if (grad_jacobian != nullptr) {
        grad_jacobian[rank * i + j] = gradient.linear[i][j] - gradient.offset[i] * kp_driving[j];
      }
    }
    grad_driving[i] = -moved;
    grad_source[i] = gradient.offset[i];
  }
}

}  // namespace ptus
