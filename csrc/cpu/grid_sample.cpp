#include "cpu/warp.h"
#include "host/output_mask.h"
#include "host/sampling_arguments.h"

// grid_sample is a warp without an occlusion map: its loops are in warp_kernel.h.

namespace ptus {
namespace {

WarpArguments arguments_of(const Tensor& input, const Tensor& grid, StringHandle mode, StringHandle padding_mode,
                           bool align_corners) {
  return {input, grid, nullptr, nullptr, false, sampling_of(mode, padding_mode, align_corners)};
}

template <int rank>
Tensor forward(const Tensor& input, const Tensor& grid, StringHandle mode, StringHandle padding_mode,
               bool align_corners) {
  return warp<rank>("grid_sample", arguments_of(input, grid, mode, padding_mode, align_corners));
}

// The gradients asked for by output_mask, of (input, grid).
template <int rank>
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& input, const Tensor& grid, StringHandle mode,
                             StringHandle padding_mode, bool align_corners, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  const WarpArguments arguments = arguments_of(input, grid, mode, padding_mode, align_corners);
  check_output_mask(output_mask, {true, true});
  return warp_backward<rank>("grid_sample", grad_output, arguments, {output_mask[0], output_mask[1], false, false});
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("grid_sample_2d", TORCH_BOX(&forward<2>));
  m.impl("grid_sample_2d_backward", TORCH_BOX(&backward<2>));
  m.impl("grid_sample_3d", TORCH_BOX(&forward<3>));
  m.impl("grid_sample_3d_backward", TORCH_BOX(&backward<3>));
}

}  // namespace ptus
