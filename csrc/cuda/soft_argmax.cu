#include <algorithm>

#include "cuda/soft_argmax_kernels.cuh"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

template <int rank>
void check(const Tensor& logits) {
  STD_TORCH_CHECK(logits.dim() == rank + 2, "logits: expected (B, K, D, H, W), or (B, K, H, W) of an image");
  STD_TORCH_CHECK(logits.numel() > 0 || logits.size(0) * logits.size(1) == 0, "logits: expected at least one voxel");
}

ScalarType coordinate_type(const Tensor& logits) {
  return logits.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
}

template <class T>
SoftArgmax<T> call_of(const Tensor& logits, double temperature) {
  const double scale = std::min<double>(1 / temperature, std::numeric_limits<Real<T>>::max());
  const auto volume = volume_of<const T>(logits);
  return {volume, static_cast<Real<T>>(scale), ceil_div(volume.depth * volume.height, kRows)};
}

// An uninitialised array of structs that are made of doubles.
template <class Item>
Tensor empty_items(const Tensor& like, int64_t count) {
  const int64_t numbers = static_cast<int64_t>(sizeof(Item) / sizeof(double));
  return torch::stable::new_empty(like, {count * numbers}, ScalarType::Double);
}

// Sums the softmaxes of all keypoints; results that are null are not asked for.
template <int rank, class T>
void sum(const Launcher& launcher, const SoftArgmax<T>& call, const Tensor& logits, Real<T>* means,
         Softmax* softmaxes) {
  const Tensor of_blocks = empty_items<SoftmaxSums>(logits, call.keypoints() * call.blocks);
  auto* const sums = static_cast<SoftmaxSums*>(of_blocks.data_ptr());
  launcher.blocks(call.keypoints() * call.blocks, soft_argmax_kernel<T>, call, sums);
  launcher.warps(call.keypoints(), soft_argmax_finish_kernel<T, rank>, call, sums, means, softmaxes);
}

template <int rank>
Tensor forward(const Tensor& logits, double temperature) {
  check<rank>(logits);
  const Launcher launcher({&logits});
  Tensor keypoints = empty_contiguous(logits, {logits.size(0), logits.size(1), rank}, coordinate_type(logits));
  if (keypoints.numel() == 0) return keypoints;
  dispatch_type(logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    sum<rank>(launcher, call_of<T>(logits, temperature), logits, static_cast<Real<T>*>(keypoints.data_ptr()),
              static_cast<Softmax*>(nullptr));
  });
  return keypoints;
}

// The gradient of the logits, if output_mask asks for it.
template <int rank>
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& logits, double temperature,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  check<rank>(logits);
  STD_TORCH_CHECK(grad_output.dim() == 3 && grad_output.size(0) == logits.size(0) &&
                      grad_output.size(1) == logits.size(1) && grad_output.size(2) == rank &&
                      grad_output.scalar_type() == coordinate_type(logits),
                  "grad_output: expected the size and type of the output");
  check_output_mask(output_mask, {true});
  const Launcher launcher({&logits, &grad_output});
  if (!output_mask[0]) return {};
  Tensor grad_logits = empty_in_format_of(logits, size_of(logits));
  if (grad_logits.numel() == 0) return {grad_logits};
  dispatch_type(logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    const SoftArgmax<T> call = call_of<T>(logits, temperature);
    const Tensor of_keypoints = empty_items<Softmax>(logits, call.keypoints());
    auto* const softmaxes = static_cast<Softmax*>(of_keypoints.data_ptr());
    sum<rank>(launcher, call, logits, static_cast<R*>(nullptr), softmaxes);
    const MeanGradient<R> gradient = {static_cast<const R*>(grad_output.data_ptr()), grad_output.stride(0),
                                      grad_output.stride(1), grad_output.stride(2), rank};
    launcher.blocks(call.keypoints() * call.blocks, soft_argmax_gradient_kernel<T>, call, softmaxes, gradient,
                    volume_of<T>(grad_logits));
  });
  return {grad_logits};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("soft_argmax_2d", TORCH_BOX(&forward<2>));
  m.impl("soft_argmax_2d_backward", TORCH_BOX(&backward<2>));
  m.impl("soft_argmax_3d", TORCH_BOX(&forward<3>));
  m.impl("soft_argmax_3d_backward", TORCH_BOX(&backward<3>));
}

}  // namespace ptus::cuda
