#pragma once

#include <cmath>

#include "common/macros.h"

// The heatmap of a keypoint of an image with a covariance: exp(-½ dᵀ P d), P the inverse of the covariance, d = g -
// mean.

namespace ptus {

template <class Real>
struct EllipticHeatmap {
  Real mean[2];
  Real precision[2][2];
};

// Sums over points of heatmap · gradient, times (d_x, d_y), and times (d_x², d_x d_y, d_y²).
template <class Real>
struct EllipticMoments {
  Real first[2];
  Real second[3];
};

// `covariance` holds four numbers, row by row. Inverted in double: everything else stands on it.
template <class Real>
PTUS_INLINE EllipticHeatmap<Real> elliptic_heatmap(const Real* mean, const Real* covariance) {
  const double a = covariance[0], b = covariance[1], c = covariance[2], d = covariance[3];
  const double scale = 1 / (a * d - b * c);
  return {{mean[0], mean[1]},
          {{static_cast<Real>(d * scale), static_cast<Real>(-b * scale)},
           {static_cast<Real>(-c * scale), static_cast<Real>(a * scale)}}};
}

template <class Real>
PTUS_INLINE Real elliptic_distance(const EllipticHeatmap<Real>& heatmap, Real x, Real y) {
  const Real cross = heatmap.precision[0][1] + heatmap.precision[1][0];
  return (heatmap.precision[0][0] * x + cross * y) * x + heatmap.precision[1][1] * y * y;
}

// sign times the gradients from the moments of all points.
template <class Real>
PTUS_INLINE void gradient_of_mean(const EllipticHeatmap<Real>& heatmap, const EllipticMoments<Real>& moments, Real sign,
                                  Real* gradient) {
  const Real cross = Real(0.5) * (heatmap.precision[0][1] + heatmap.precision[1][0]);
  gradient[0] = sign * (heatmap.precision[0][0] * moments.first[0] + cross * moments.first[1]);
  gradient[1] = sign * (cross * moments.first[0] + heatmap.precision[1][1] * moments.first[1]);
}

// ½ Pᵀ M Pᵀ, with M the second moments
template <class Real>
PTUS_INLINE void gradient_of_covariance(const EllipticHeatmap<Real>& heatmap, const EllipticMoments<Real>& moments,
                                        Real sign, Real* gradient) {
  const Real m[2][2] = {{moments.second[0], moments.second[1]}, {moments.second[1], moments.second[2]}};
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      Real sum = 0;
      for (int a = 0; a < 2; ++a) {
        for (int b = 0; b < 2; ++b) sum += heatmap.precision[a][i] * m[a][b] * heatmap.precision[j][b];
      }
      gradient[2 * i + j] = Real(0.5) * sign * sum;
    }
  }
}

}  // namespace ptus
