#pragma once

#include "common/coordinates.h"
#include "cpu/occlusion_map.h"
#include "host/warp_arguments.h"

// Sampling a volume at points and blending the result by an occlusion map, which grid_sample does without the map.

namespace ptus {

// A call as its loops see it. Without an occlusion map there is no background either; a background without data is 0.
template <class T>
struct Warp {
  Volume<const T> input;
  Volume<const Real<T>> points;
  const OcclusionMap<Real<T>>* occlusion;
  Volume<const T> background;
  Sampling sampling;
};

// The gradients of all but the input; those without data are not asked for. `pixels` is the gradient of the resized
// map, a dense (batch, height, width).
template <class T>
struct WarpGradients {
  Volume<const T> grad_output;
  Volume<Real<T>> grad_points;
  Real<T>* pixels;
  Volume<T> grad_background;
};

template <int rank>
Tensor warp(const char* op, const WarpArguments& of);

// The gradients asked for, of (input, points, occlusion, background).
template <int rank>
std::vector<Tensor> warp_backward(const char* op, const Tensor& grad_output, const WarpArguments& of,
                                  const std::vector<bool>& mask);

}  // namespace ptus
