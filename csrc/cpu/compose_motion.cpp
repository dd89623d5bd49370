#include "cpu/compose_motion.h"

#include "cpu/denormals.h"
#include "host/keypoints.h"
#include "host/output_mask.h"

#define PTUS_KERNEL_HEADER "cpu/compose_motion_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {

template <class T, int rank>
void compose(const ComposeMotion<T, rank>& call, const Tensor& deformation) {
  const auto out = grid_of<Real<T>>(deformation);
  const int64_t bytes = PTUS_FOR_THIS_CPU(compose_motion_workspace<T, rank>)(call, false);
  const auto units = PTUS_FOR_THIS_CPU(compose_motion_units<T, rank>);
  torch::stable::parallel_for(0, call.units(), 1, [&](int64_t begin, int64_t end) {
    const FlushDenormals flush;
    const Scratch memory(bytes);
    units(call, out, memory.as<char>(), begin, end);
  });
}

template <class T, int rank>
void compose_backward(const ComposeMotion<T, rank>& call, const ComposeMotionGradients<T, rank>& gradients) {
  const int64_t bytes = PTUS_FOR_THIS_CPU(compose_motion_workspace<T, rank>)(call, true);
  const auto loop = call.resized ? PTUS_FOR_THIS_CPU(compose_motion_backward_planes<T, rank>)
                                 : PTUS_FOR_THIS_CPU(compose_motion_backward_units<T, rank>);
  const int64_t items = call.resized ? call.logits.batch * call.logits.depth : call.units();
  torch::stable::parallel_for(0, items, 1, [&](int64_t begin, int64_t end) {
    const FlushDenormals flush;
    const Scratch memory(bytes);
    loop(call, gradients, memory.as<char>(), begin, end);
  });
}

#define PTUS_INSTANTIATE(T)                                                                        \
  template void compose(const ComposeMotion<T, 2>&, const Tensor&);                                \
  template void compose(const ComposeMotion<T, 3>&, const Tensor&);                                \
  template void compose_backward(const ComposeMotion<T, 2>&, const ComposeMotionGradients<T, 2>&); \
  template void compose_backward(const ComposeMotion<T, 3>&, const ComposeMotionGradients<T, 3>&);
PTUS_INSTANTIATE(float)
PTUS_INSTANTIATE(double)
PTUS_INSTANTIATE(Half)
PTUS_INSTANTIATE(BFloat16)

namespace {

template <class R, int rank>
Motions<R, rank> described_by(const Keypoints& keypoints, const std::vector<Motion<R, rank>>& motions) {
  const MotionKind kind = keypoints.affine() ? MotionKind::affine : MotionKind::translation;
  return {kind, keypoints.count() + 1, motions.data(), nullptr, 0};
}

Tensor forward(const Tensor& mask_logits, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, const std::optional<Tensor>& background,
               std::vector<int64_t> size) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  check_keypoints(keypoints, mask_logits);
  check_field(mask_logits, keypoints.count() + 1, size);
  Tensor deformation = empty_contiguous(kp_driving, size_of_field(mask_logits, size), kp_driving.scalar_type());
  if (deformation.numel() == 0) return deformation;
  dispatch_type_and_rank(mask_logits, [&](auto type, auto of_rank) {
    using T = decltype(type);
    constexpr int rank = decltype(of_rank)::value;
    const auto motions = motions_of<Real<T>, rank>(keypoints);
    with_field<T>(mask_logits, described_by(keypoints, motions), size,
                  [&](const ComposeMotion<T, rank>& call) { compose(call, deformation); });
  });
  return deformation;
}

// The gradients asked for by output_mask, of (mask_logits, kp_driving, kp_source, jacobian, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& mask_logits, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian,
                             const std::optional<Tensor>& background, std::vector<int64_t> size,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  check_keypoints(keypoints, mask_logits);
  check_field(mask_logits, keypoints.count() + 1, size);
  check_output_mask(output_mask, {true, true, true, jacobian.has_value(), background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == kp_driving.scalar_type() && size_of(grad_output) == size_of_field(mask_logits, size),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  dispatch_type_and_rank(mask_logits, [&](auto type, auto of_rank) {
    using T = decltype(type);
    using R = Real<T>;
    constexpr int rank = decltype(of_rank)::value;
    if (output_mask[0]) gradients.push_back(empty_in_format_of(mask_logits, size_of(mask_logits)));
    KeypointGradients<R, rank> of_keypoints(keypoints);
    if (grad_output.numel() > 0) {
      const auto motions = motions_of<R, rank>(keypoints);
      with_field<T>(mask_logits, described_by(keypoints, motions), size, [&](const ComposeMotion<T, rank>& call) {
        std::vector<Motion<R, rank>> of_units(call.units() * call.logits.channels);
        Volume<T> grad_logits = {};
        if (output_mask[0]) grad_logits = volume_of<T>(gradients[0]);
        compose_backward(call, {grid_of<const R>(grad_output), grad_logits, of_units.data(), nullptr});
        of_keypoints.add(of_units, {}, call.units_of_sample());
      });
    } else if (output_mask[0]) {
      torch::stable::zero_(gradients[0]);
    }
    of_keypoints.append(output_mask, gradients);
    if (output_mask[4]) gradients.push_back(of_keypoints.background());
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("compose_motion", TORCH_BOX(&forward));
  m.impl("compose_motion_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
