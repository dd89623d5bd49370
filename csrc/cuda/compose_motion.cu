#include "cuda/compose.cuh"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

Tensor forward(const Tensor& mask_logits, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, const std::optional<Tensor>& background,
               std::vector<int64_t> size) {
  const Launcher launcher({&mask_logits, &kp_driving, &kp_source, jacobian.has_value() ? &*jacobian : nullptr,
                           background.has_value() ? &*background : nullptr});
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  check_keypoints(keypoints, mask_logits);
  check_field(mask_logits, keypoints.count() + 1, size);
  Tensor deformation = empty_contiguous(kp_driving, size_of_field(mask_logits, size), kp_driving.scalar_type());
  if (deformation.numel() == 0) return deformation;
  dispatch_type_and_rank(mask_logits, [&](auto type, auto of_rank) {
    using T = decltype(type);
    using Moves = KeypointData<Real<T>, decltype(of_rank)::value>;
    compose(launcher, field_of<T>(mask_logits, Moves(keypoints), size), deformation);
  });
  return deformation;
}

// The gradients asked for by output_mask, of (mask_logits, kp_driving, kp_source, jacobian, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& mask_logits, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian,
                             const std::optional<Tensor>& background, std::vector<int64_t> size,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const Launcher launcher({&mask_logits, &kp_driving, &kp_source, jacobian.has_value() ? &*jacobian : nullptr,
                           background.has_value() ? &*background : nullptr, &grad_output});
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  check_keypoints(keypoints, mask_logits);
  check_field(mask_logits, keypoints.count() + 1, size);
  check_output_mask(output_mask, {true, true, true, jacobian.has_value(), background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == kp_driving.scalar_type() && size_of(grad_output) == size_of_field(mask_logits, size),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  gradients.reserve(5);
  if (output_mask[0]) gradients.push_back(empty_in_format_of(mask_logits, size_of(mask_logits)));
  dispatch_type_and_rank(mask_logits, [&](auto type, auto of_rank) {
    using T = decltype(type);
    using R = Real<T>;
    constexpr int rank = decltype(of_rank)::value;
    KeypointGradientData<R> to = {};
    to.driving = append_gradient<R>(output_mask[1], kp_driving, gradients);
    to.source = append_gradient<R>(output_mask[2], kp_driving, gradients);
    if (output_mask[3]) to.jacobian = append_gradient<R>(true, *jacobian, gradients);
    if (output_mask[4]) to.background = append_gradient<R>(true, *background, gradients);
    if (grad_output.numel() == 0) {
      for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
      return;
    }
    if (gradients.empty()) return;
    const KeypointGradientWriter<R, rank> of_keypoints(keypoints, nullptr, to);
    const auto call = field_of<T>(mask_logits, KeypointData<R, rank>(keypoints), size);
    std::optional<Tensor> of_tiles;
    if (of_keypoints.wanted()) of_tiles = of_keypoints.sums_of_tiles(call.tiles);
    compose_backward(launcher, call, grad_output, output_mask[0] ? &gradients[0] : nullptr,
                     of_tiles ? static_cast<R*>(of_tiles->data_ptr()) : nullptr, static_cast<R*>(nullptr));
    if (of_tiles) of_keypoints.write(launcher, *of_tiles, call.tiles);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("compose_motion", TORCH_BOX(&forward));
  m.impl("compose_motion_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
