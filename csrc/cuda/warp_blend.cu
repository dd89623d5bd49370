#include <optional>

#include "cuda/warp.h"
#include "host/sampling_arguments.h"

namespace ptus::cuda {
namespace {

int rank_of(const Tensor& input) { return input.dim() == 4 ? 2 : 3; }

const Tensor* if_present(const std::optional<Tensor>& tensor) { return tensor.has_value() ? &*tensor : nullptr; }

Tensor forward(const Tensor& input, const Tensor& deformation, std::optional<Tensor> occlusion,
               std::optional<Tensor> background, bool sigmoid, StringHandle mode, StringHandle padding_mode,
               bool align_corners) {
  return warp(rank_of(input), "warp_blend",
              {input, deformation, if_present(occlusion), if_present(background), sigmoid,
               sampling_of(mode, padding_mode, align_corners)});
}

// The gradients asked for by output_mask, of (input, deformation, occlusion, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& input, const Tensor& deformation,
                             std::optional<Tensor> occlusion, std::optional<Tensor> background, bool sigmoid,
                             StringHandle mode, StringHandle padding_mode, bool align_corners,
                             std::vector<bool> output_mask, bool deterministic) {
  return warp_backward(rank_of(input), "warp_blend", grad_output,
                       {input, deformation, if_present(occlusion), if_present(background), sigmoid,
                        sampling_of(mode, padding_mode, align_corners)},
                       output_mask, deterministic);
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("warp_blend", TORCH_BOX(&forward));
  m.impl("warp_blend_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
