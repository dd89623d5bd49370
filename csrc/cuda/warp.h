#pragma once

#include "common/coordinates.h"
#include "host/tensor_view.h"

// Sampling a volume at points and blending the result by an occlusion map, which grid_sample does without the map.

namespace ptus::cuda {

// The arguments as they come from the dispatcher; null where there is none.
struct WarpArguments {
  const Tensor& input;
  const Tensor& points;
  const Tensor* occlusion;
  const Tensor* background;
  bool sigmoid;
  Sampling sampling;
};

// For images (rank 2) and volumes (rank 3).
Tensor warp(int rank, const char* op, const WarpArguments& of);

// The gradients asked for, of (input, points, occlusion, background); bitwise repeatable where `deterministic`.
std::vector<Tensor> warp_backward(int rank, const char* op, const Tensor& grad_output, const WarpArguments& of,
                                  const std::vector<bool>& mask, bool deterministic);

}  // namespace ptus::cuda
