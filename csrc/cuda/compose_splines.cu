#include "cuda/compose.cuh"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

Tensor forward(const Tensor& mask_logits, const Tensor& kp_driving, const Tensor& spline,
               const std::optional<Tensor>& background, std::vector<int64_t> size) {
  const Launcher launcher({&mask_logits, &kp_driving, &spline, background.has_value() ? &*background : nullptr});
  const Splines splines(kp_driving, spline, background);
  check_splines(splines, mask_logits);
  check_field(mask_logits, splines.count() + 1, size);
  Tensor deformation = empty_contiguous(kp_driving, size_of_field(mask_logits, size), kp_driving.scalar_type());
  if (deformation.numel() == 0) return deformation;
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    compose(launcher, field_of<T>(mask_logits, SplineData<Real<T>>(splines), size), deformation);
  });
  return deformation;
}

// The gradients asked for by output_mask, of (mask_logits, kp_driving, spline, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& mask_logits, const Tensor& kp_driving,
                             const Tensor& spline, const std::optional<Tensor>& background, std::vector<int64_t> size,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const Launcher launcher(
      {&mask_logits, &kp_driving, &spline, background.has_value() ? &*background : nullptr, &grad_output});
  const Splines splines(kp_driving, spline, background);
  check_splines(splines, mask_logits);
  check_field(mask_logits, splines.count() + 1, size);
  check_output_mask(output_mask, {true, true, true, background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == kp_driving.scalar_type() && size_of(grad_output) == size_of_field(mask_logits, size),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  gradients.reserve(4);
  if (output_mask[0]) gradients.push_back(empty_in_format_of(mask_logits, size_of(mask_logits)));
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    SplineGradientData<R> to = {};
    to.driving = append_gradient<R>(output_mask[1], splines.driving, gradients);
    to.spline = append_gradient<R>(output_mask[2], splines.spline, gradients);
    if (output_mask[3]) to.background = append_gradient<R>(true, *background, gradients);
    if (grad_output.numel() == 0) {
      for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
      return;
    }
    if (gradients.empty()) return;
    const auto call = field_of<T>(mask_logits, SplineData<R>(splines), size);
    std::optional<Tensor> of_moved;
    if (to.wanted()) of_moved = moved_points(splines, call.points());
    compose_backward(launcher, call, grad_output, output_mask[0] ? &gradients[0] : nullptr, static_cast<R*>(nullptr),
                     of_moved ? static_cast<R*>(of_moved->data_ptr()) : nullptr);
    if (of_moved) write_spline_gradients(launcher, splines, *of_moved, call.height, call.width, to);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("compose_splines", TORCH_BOX(&forward));
  m.impl("compose_splines_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
