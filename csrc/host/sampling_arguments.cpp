#include "host/sampling_arguments.h"

#include <string>

namespace ptus {
namespace {

std::string taken(StringHandle handle) {
  size_t length = 0;
  const char* data = nullptr;
  const bool read = torch_string_length(handle, &length) == AOTI_TORCH_SUCCESS &&
                    torch_string_c_str(handle, &data) == AOTI_TORCH_SUCCESS;
  STD_TORCH_CHECK(read, "cannot read a str");
  const std::string string(data, length);
  STD_TORCH_CHECK(torch_delete_string(handle) == AOTI_TORCH_SUCCESS, "cannot delete a str");
  return string;
}

}  // namespace

Sampling sampling_of(StringHandle mode_handle, StringHandle padding_mode_handle, bool align_corners) {
  const std::string mode = taken(mode_handle), padding_mode = taken(padding_mode_handle);
  STD_TORCH_CHECK(mode == "bilinear" || mode == "nearest", "mode: expected bilinear or nearest, got ", mode);
  STD_TORCH_CHECK(padding_mode == "zeros" || padding_mode == "border" || padding_mode == "reflection",
                  "padding_mode: expected zeros, border or reflection, got ", padding_mode);
  return {mode == "bilinear" ? Interpolation::bilinear : Interpolation::nearest,
          padding_mode == "zeros"    ? Padding::zeros
          : padding_mode == "border" ? Padding::border
                                     : Padding::reflection,
          align_corners};
}

void check_coordinates(const char* name, const Tensor& coordinates, const Tensor& feature) {
  const bool wide = feature.scalar_type() == ScalarType::Double;
  STD_TORCH_CHECK(coordinates.scalar_type() == (wide ? ScalarType::Double : ScalarType::Float), name,
                  ": expected float32, or float64 with a float64 feature");
}

void check_sampled_volume(const Tensor& input, const Tensor& grid) {
  for (int64_t axis = 2; axis < input.dim(); ++axis) {
    STD_TORCH_CHECK(grid.numel() == 0 || input.size(axis) > 0, "input: expected at least one voxel");
    STD_TORCH_CHECK(input.size(axis) <= INT32_MAX - 2, "input: expected fewer than 2^31 voxels along an axis");
  }
}

void check_grad_output(const Tensor& grad_output, const Tensor& input, const Tensor& grid) {
  bool fits = grad_output.dim() == input.dim() && grad_output.scalar_type() == input.scalar_type() &&
              grad_output.size(0) == input.size(0) && grad_output.size(1) == input.size(1);
  for (int64_t axis = 2; fits && axis < input.dim(); ++axis) fits = grad_output.size(axis) == grid.size(axis - 1);
  STD_TORCH_CHECK(fits, "grad_output: expected the size and type of the output");
}

}  // namespace ptus
