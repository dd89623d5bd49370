#include <optional>

#include "cpu/warp.h"
#include "host/sampling_arguments.h"

namespace ptus {
namespace {

const Tensor* if_present(const std::optional<Tensor>& tensor) { return tensor.has_value() ? &*tensor : nullptr; }

Tensor forward(const Tensor& input, const Tensor& deformation, std::optional<Tensor> occlusion,
               std::optional<Tensor> background, bool sigmoid, StringHandle mode, StringHandle padding_mode,
               bool align_corners) {
  const auto run = input.dim() == 4 ? &warp<2> : &warp<3>;
  return run("warp_blend", {input, deformation, if_present(occlusion), if_present(background), sigmoid,
                            sampling_of(mode, padding_mode, align_corners)});
}

// The gradients asked for by output_mask, of (input, deformation, occlusion, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& input, const Tensor& deformation,
                             std::optional<Tensor> occlusion, std::optional<Tensor> background, bool sigmoid,
                             StringHandle mode, StringHandle padding_mode, bool align_corners,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const auto run = input.dim() == 4 ? &warp_backward<2> : &warp_backward<3>;
  return run("warp_blend", grad_output,
             {input, deformation, if_present(occlusion), if_present(background), sigmoid,
              sampling_of(mode, padding_mode, align_corners)},
             output_mask);
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("warp_blend", TORCH_BOX(&forward));
  m.impl("warp_blend_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
