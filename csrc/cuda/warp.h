#pragma once

#include "host/warp_arguments.h"

// Sampling a volume at points and blending the result by an occlusion map, which grid_sample does without the map.

namespace ptus::cuda {

// For images (rank 2) and volumes (rank 3).
Tensor warp(int rank, const char* op, const WarpArguments& of);

// The gradients asked for, of (input, points, occlusion, background); bitwise repeatable where `deterministic`.
std::vector<Tensor> warp_backward(int rank, const char* op, const Tensor& grad_output, const WarpArguments& of,
                                  const std::vector<bool>& mask, bool deterministic);

}  // namespace ptus::cuda
