#include "cpu/compose_motion.h"
#include "host/output_mask.h"
#include "host/splines.h"

namespace ptus {
namespace {

Tensor forward(const Tensor& mask_logits, const Tensor& kp_driving, const Tensor& spline,
               const std::optional<Tensor>& background, std::vector<int64_t> size) {
  const Splines splines(kp_driving, spline, background);
  check_splines(splines, mask_logits);
  check_field(mask_logits, splines.count() + 1, size);
  Tensor deformation = empty_contiguous(kp_driving, size_of_field(mask_logits, size), kp_driving.scalar_type());
  if (deformation.numel() == 0) return deformation;
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const SplineMotions<Real<T>> of(splines);
    with_field<T>(mask_logits, of.motions(), size,
                  [&](const ComposeMotion<T, 2>& call) { compose(call, deformation); });
  });
  return deformation;
}

// The gradients asked for by output_mask, of (mask_logits, kp_driving, spline, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& mask_logits, const Tensor& kp_driving,
                             const Tensor& spline, const std::optional<Tensor>& background, std::vector<int64_t> size,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const Splines splines(kp_driving, spline, background);
  check_splines(splines, mask_logits);
  check_field(mask_logits, splines.count() + 1, size);
  check_output_mask(output_mask, {true, true, true, background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == kp_driving.scalar_type() && size_of(grad_output) == size_of_field(mask_logits, size),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    if (output_mask[0]) gradients.push_back(empty_in_format_of(mask_logits, size_of(mask_logits)));
    SplineGradients<R> of_splines(splines);
    if (grad_output.numel() > 0) {
      const SplineMotions<R> of(splines);
      with_field<T>(mask_logits, of.motions(), size, [&](const ComposeMotion<T, 2>& call) {
        std::vector<Motion<R, 2>> motions(call.units() * call.logits.channels);
        std::vector<Bend<R>> bends(call.units() * call.all_bends());
        Volume<T> grad_logits = {};
        if (output_mask[0]) grad_logits = volume_of<T>(gradients[0]);
        compose_backward(call, {grid_of<const R>(grad_output), grad_logits, motions.data(), bends.data()});
        of_splines.add(splines, motions, bends, call.units_of_sample());
      });
    } else if (output_mask[0]) {
      torch::stable::zero_(gradients[0]);
    }
    if (output_mask[1]) gradients.push_back(of_splines.driving);
    if (output_mask[2]) gradients.push_back(of_splines.spline);
    if (output_mask[3]) gradients.push_back(*of_splines.background);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("compose_splines", TORCH_BOX(&forward));
  m.impl("compose_splines_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
