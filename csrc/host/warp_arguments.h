#pragma once

#include <vector>

#include "common/coordinates.h"
#include "host/tensor_view.h"

// The arguments of sampling and blending as they come from the dispatcher; see sampling_arguments.h.

namespace ptus {

// Without an occlusion map this is grid_sample; null where there is none.
struct WarpArguments {
  const Tensor& input;
  const Tensor& points;
  const Tensor* occlusion;
  const Tensor* background;
  bool sigmoid;
  Sampling sampling;
};

std::vector<int64_t> size_of_output(const WarpArguments& of);

// For images (rank 2) and volumes (rank 3).
void check_warp(int rank, const char* op, const WarpArguments& of);

}  // namespace ptus
