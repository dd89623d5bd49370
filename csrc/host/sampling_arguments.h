#pragma once

#include <torch/csrc/stable/c/shim.h>

#include "common/coordinates.h"
#include "host/tensor_view.h"

// The arguments of a sampling op as they come from the dispatcher. Checks here only keep a direct call of torch.ops
// from touching foreign memory; the messages for people are in ptus_kernels/checks.py.

namespace ptus {

// Takes the strings over. Ops ask for handles of theirs, since PyTorch's conversion to std::string leaves a copy behind
// at every call (from 2.10 on, github.com/pytorch/pytorch/issues/191340).
Sampling sampling_of(StringHandle mode, StringHandle padding_mode, bool align_corners);

// Coordinates are float32, or float64 where the feature is.
void check_coordinates(const char* name, const Tensor& coordinates, const Tensor& feature);

// A volume without voxels can only be sampled nowhere, and axes must fit 32-bit indices.
void check_sampled_volume(const Tensor& input, const Tensor& grid);

// The gradient of sampling `input` at `grid` has its batch, channels and type, and the grid's points.
void check_grad_output(const Tensor& grad_output, const Tensor& input, const Tensor& grid);

}  // namespace ptus
