#pragma once

#include "cuda/compose_motion_kernels.cuh"
#include "host/field_arguments.h"

// What compose_motion and compose_splines have in common on the host.

namespace ptus::cuda {

template <class T, class Moves>
ComposeMotion<T, Moves> field_of(const Tensor& mask_logits, const Moves& moves, const std::vector<int64_t>& size) {
  constexpr int rank = Moves::rank;
  const int64_t depth = rank == 3 ? size[0] : 1, height = size[rank - 2], width = size[rank - 1];
  return {volume_of<const T>(mask_logits), moves, depth, height, width, ceil_div(depth * height * width, kThreads)};
}

template <class T, class Moves>
void compose(const Launcher& launcher, const ComposeMotion<T, Moves>& call, const Tensor& deformation) {
  launcher.blocks(call.logits.batch * call.tiles, compose_motion_kernel<T, Moves>, call,
                  static_cast<Real<T>*>(deformation.data_ptr()));
}

// Writes the gradient of the logits, unless that is null, and sums or gradients of the motions to what is not null.
template <class T, class Moves>
void compose_backward(const Launcher& launcher, const ComposeMotion<T, Moves>& call, const Tensor& grad_output,
                      Tensor* grad_logits, Real<T>* of_tiles, Real<T>* of_moved) {
  using R = Real<T>;
  ComposeMotionGradients<T> to = {grid_of<const R>(grad_output), {}, nullptr, of_tiles, of_moved};
  std::optional<Tensor> resized;
  if (grad_logits != nullptr && call.resized()) {
    const int64_t numbers = call.logits.batch * call.logits.channels * call.points();
    resized = torch::stable::new_empty(grad_output, {numbers});
    to.resized_logits = static_cast<R*>(resized->data_ptr());
  } else if (grad_logits != nullptr) {
    to.logits = volume_of<T>(*grad_logits);
  }
  launcher.blocks(call.logits.batch * call.tiles, compose_motion_gradient_kernel<T, Moves>, call, to);
  if (resized.has_value()) {
    const int64_t count = grad_logits->numel();
    launcher.items(count, resize_logits_adjoint_kernel<T, Moves>, call, static_cast<const R*>(to.resized_logits),
                   volume_of<T>(*grad_logits), count);
  }
}

}  // namespace ptus::cuda
