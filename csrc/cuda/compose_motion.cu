#include "cpu/output_mask.h"
#include "cuda/compose_motion_kernels.cuh"

namespace ptus::cuda {
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

template <class T>
ComposeMotion<T> call_of(const Tensor& mask_logits, const Keypoints& keypoints, const std::vector<int64_t>& size) {
  const int64_t tiles = ceil_div(size[0] * size[1] * size[2], kThreads);
  return {volume_of<const T>(mask_logits), KeypointData<Real<T>>(keypoints), size[0], size[1], size[2], tiles};
}

Tensor forward(const Tensor& mask_logits, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, std::vector<int64_t> size) {
  const Launcher launcher({&mask_logits, &kp_driving, &kp_source, jacobian.has_value() ? &*jacobian : nullptr});
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(mask_logits, keypoints, size);
  Tensor deformation =
      empty_contiguous(kp_driving, {mask_logits.size(0), size[0], size[1], size[2], 3}, kp_driving.scalar_type());
  if (deformation.numel() == 0) return deformation;
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const ComposeMotion<T> call = call_of<T>(mask_logits, keypoints, size);
    launcher.blocks(call.logits.batch * call.tiles, compose_motion_kernel<T>, call,
                    static_cast<Real<T>*>(deformation.data_ptr()));
  });
  return deformation;
}

template <class T>
void write_gradients(const Launcher& launcher, const ComposeMotion<T>& call, const Tensor& grad_output,
                     Tensor* grad_logits, const KeypointGradientWriter<Real<T>>& of_keypoints) {
  using R = Real<T>;
  ComposeMotionGradients<T> to = {grid_of<const R>(grad_output), {}, nullptr, nullptr};
  std::optional<Tensor> resized, of_tiles;
  if (grad_logits != nullptr && call.resized()) {
    const int64_t numbers = call.logits.batch * call.logits.channels * call.points();
    resized = torch::stable::new_empty(grad_output, {numbers});
    to.resized_logits = static_cast<R*>(resized->data_ptr());
  } else if (grad_logits != nullptr) {
    to.logits = volume_of<T>(*grad_logits);
  }
  if (of_keypoints.wanted()) {
    of_tiles = of_keypoints.sums_of_tiles(call.tiles, false);
    to.of_tiles = static_cast<R*>(of_tiles->data_ptr());
  }
  launcher.blocks(call.logits.batch * call.tiles, compose_motion_gradient_kernel<T>, call, to);
  if (resized.has_value()) {
    const int64_t count = grad_logits->numel();
    launcher.items(count, resize_logits_adjoint_kernel<T>, call, static_cast<const R*>(to.resized_logits),
                   volume_of<T>(*grad_logits), count);
  }
  if (of_tiles.has_value()) of_keypoints.write(launcher, *of_tiles, call.tiles, false);
}

// The gradients asked for by output_mask, of (mask_logits, kp_driving, kp_source, jacobian).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& mask_logits, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian, std::vector<int64_t> size,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  const Launcher launcher(
      {&mask_logits, &kp_driving, &kp_source, jacobian.has_value() ? &*jacobian : nullptr, &grad_output});
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(mask_logits, keypoints, size);
  check_output_mask(output_mask, {true, true, true, jacobian.has_value()});
  STD_TORCH_CHECK(grad_output.scalar_type() == kp_driving.scalar_type() &&
                      size_of(grad_output) == std::vector<int64_t>({mask_logits.size(0), size[0], size[1], size[2], 3}),
                  "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  gradients.reserve(4);
  if (output_mask[0]) gradients.push_back(empty_in_format_of(mask_logits, size_of(mask_logits)));
  dispatch_type(mask_logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const KeypointGradientWriter<Real<T>> of_keypoints(keypoints, output_mask, gradients);
    if (grad_output.numel() == 0) {
      for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
    } else if (!gradients.empty()) {
      write_gradients<T>(launcher, call_of<T>(mask_logits, keypoints, size), grad_output,
                         output_mask[0] ? &gradients[0] : nullptr, of_keypoints);
    }
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("compose_motion", TORCH_BOX(&forward));
  m.impl("compose_motion_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
