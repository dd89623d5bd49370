#include "cpu/compose_motion.h"

#include "cpu/keypoints.h"

#define PTUS_KERNEL_HEADER "cpu/compose_motion_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

void check(const Tensor& mask_logits, const Keypoints& keypoints, const std::vector<int64_t>& size) {
  check_keypoints(keypoints, mask_logits);
  STD_TORCH_CHECK(mask_logits.dim() == 5 && mask_logits.size(1) == keypoints.driving.size(1) + 1,
                  "mask_logits: expected (B, K + 1, d, h, w)");
  STD_TORCH_CHECK(size.size() == 3, "size: expected (D, H, W)");
  for (int i = 0; i < 3; ++i) {
    STD_TORCH_CHECK(size[i] >= 0 && size[i] < INT32_MAX && mask_logits.size(i + 2) < INT32_MAX, "size: out of range");
    STD_TORCH_CHECK(mask_logits.size(i + 2) > 0 || size[i] == 0, "mask_logits: expected at least one voxel");
  }
}

// Calls run(call) with the call that these arguments describe.
template <class T, class F>
void with_call(const Tensor& mask_logits, const Keypoints& keypoints, const std::vector<int64_t>& size, const F& run) {
  using R = Real<T>;
  const auto logits = volume_of<const T>(mask_logits);
  const std::vector<Motion<R>> motions = motions_with_background<R>(keypoints);
  const ResizeTable<R> along_z(logits.depth, size[0]), along_y(logits.height, size[1]), along_x(logits.width, size[2]);
  const bool resized = logits.depth != size[0] || logits.height != size[1] || logits.width != size[2];
  run(ComposeMotion<T>{logits, motions.data(), keypoints.jacobian.has_value(), size[0], size[1], size[2], resized,
                       along_z, along_y, along_x});
}

Tensor forward(const Tensor& mask_logits, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, std::vector<int64_t> size) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(mask_logits, keypoints, size);
  Tensor deformation =
      empty_contiguous(kp_driving, {mask_logits.size(0), size[0], size[1], size[2], 3}, kp_driving.scalar_type());
  if (deformation.numel() == 0) return deformation;
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    with_call<T>(mask_logits, keypoints, size, [&](const ComposeMotion<T>& call) {
      const auto out = grid_of<Real<T>>(deformation);
      const int64_t bytes = PTUS_FOR_THIS_CPU(compose_motion_workspace<T>)(call, false);
      const auto units = PTUS_FOR_THIS_CPU(compose_motion_units<T>);
      torch::stable::parallel_for(0, call.units(), 1, [&](int64_t begin, int64_t end) {
        const Scratch memory(bytes);
        units(call, out, memory.as<char>(), begin, end);
      });
    });
  });
  return deformation;
}

template <class T>
void logits_and_unit_gradients(const ComposeMotion<T>& call, const ComposeMotionGradients<T>& gradients) {
  const int64_t bytes = PTUS_FOR_THIS_CPU(compose_motion_workspace<T>)(call, true);
  const auto loop = call.resized ? PTUS_FOR_THIS_CPU(compose_motion_backward_planes<T>)
                                 : PTUS_FOR_THIS_CPU(compose_motion_backward_units<T>);
  const int64_t items = call.resized ? call.logits.batch * call.logits.depth : call.units();
  torch::stable::parallel_for(0, items, 1, [&](int64_t begin, int64_t end) {
    const Scratch memory(bytes);
    loop(call, gradients, memory.as<char>(), begin, end);
  });
}

// The gradients asked for by output_mask, of (mask_logits, kp_driving, kp_source, jacobian).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& mask_logits, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian, std::vector<int64_t> size,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(mask_logits, keypoints, size);
  STD_TORCH_CHECK(grad_output.scalar_type() == kp_driving.scalar_type() &&
                      size_of(grad_output) == std::vector<int64_t>({mask_logits.size(0), size[0], size[1], size[2], 3}),
                  "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    if (output_mask[0]) gradients.push_back(empty_in_format_of(mask_logits, size_of(mask_logits)));
    KeypointGradients<R> of_keypoints(keypoints);
    if (grad_output.numel() == 0) {
      if (output_mask[0]) torch::stable::zero_(gradients[0]);
      return of_keypoints.append(output_mask, gradients);
    }
    with_call<T>(mask_logits, keypoints, size, [&](const ComposeMotion<T>& call) {
      std::vector<Motion<R>> of_units(call.units() * call.logits.channels);
      Volume<T> grad_logits = {};
      if (output_mask[0]) grad_logits = volume_of<T>(gradients[0]);
      logits_and_unit_gradients<T>(call, {grid_of<const R>(grad_output), grad_logits, of_units.data()});
      of_keypoints.add(of_units, {}, call.units() / call.logits.batch);
    });
    of_keypoints.append(output_mask, gradients);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("compose_motion", TORCH_BOX(&forward));
  m.impl("compose_motion_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
