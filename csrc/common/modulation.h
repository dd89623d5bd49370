#pragma once

#include "common/macros.h"

// Spatially adaptive normalisation at one point, and the statistics that it stands on. Values are numbers, or vectors
// of numbers.

namespace ptus {

template <class V>
PTUS_INLINE V modulate(const V& normalised, const V& gamma, const V& beta) {
  return normalised * (1 + gamma) + beta;
}

template <class V, class Real>
PTUS_INLINE V leaky_relu(const V& value, Real negative_slope) {
  return value > 0 ? value : value * negative_slope;
}

// d leaky_relu / d value, times the gradient of the leaky ReLU.
template <class V, class Real>
PTUS_INLINE V leaky_relu_slope(const V& gradient, const V& value, Real negative_slope) {
  return value > 0 ? gradient : gradient * negative_slope;
}

// How many numbers there are, their mean, and the sum of the squares of what they are off it. Unlike sums of numbers
// and of squares these lose nothing where the mean is large.
template <class Real>
struct Moments {
  Real count, mean, squares;
};

// Of the numbers of both (Chan et al. 1983).
template <class Real>
PTUS_INLINE Moments<Real> merged(const Moments<Real>& a, const Moments<Real>& b) {
  const Real count = a.count + b.count;
  const Real share = count > 0 ? b.count / count : Real(0);
  const Real apart = b.mean - a.mean;
  return {count, a.mean + apart * share, a.squares + b.squares + apart * apart * a.count * share};
}

}  // namespace ptus
