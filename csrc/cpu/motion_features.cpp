#include "cpu/motion_features.h"

#include "cpu/channels_last.h"
#include "cpu/denormals.h"

#define PTUS_KERNEL_HEADER "cpu/motion_features_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

void check(const Tensor& feature, const Keypoints& keypoints) {
  check_keypoints(keypoints, feature);
  STD_TORCH_CHECK(feature.dim() == 5, "feature: expected (B, C, D, H, W)");
  for (int i = 2; i < 5; ++i) STD_TORCH_CHECK(feature.size(i) < INT32_MAX / 4, "feature: too large along an axis");
}

std::vector<int64_t> output_size(const Tensor& feature, const Keypoints& keypoints) {
  std::vector<int64_t> size = size_of(feature);
  size[1] = (keypoints.driving.size(1) + 1) * (size[1] + 1);
  return size;
}

// Calls run(first, last) for ranges of items, on all threads, each with room for `numbers` numbers.
template <class R, class F>
void parallel_with_memory(int64_t begin, int64_t end, int64_t grain, int64_t numbers, const F& run) {
  torch::stable::parallel_for(begin, end, grain, [&](int64_t first, int64_t last) {
    const FlushDenormals flush;
    const Scratch memory(numbers * static_cast<int64_t>(sizeof(R)));
    run(memory.as<R>(), first, last);
  });
}

// Calls run(call, n_begin, n_end) with calls that cover the batch.
template <class T, class F>
void with_call(const Tensor& feature, const Keypoints& keypoints, double variance, bool align_corners, const F& run) {
  using R = Real<T>;
  const int64_t size[3] = {feature.size(4), feature.size(3), feature.size(2)};
  const int64_t motions = keypoints.driving.size(1) + 1;
  const ShiftTables<R> shifts(keypoints, size, variance, align_corners);
  if (keypoints.jacobian.has_value()) {
    const std::vector<Motion<R>> affine = motions_with_background<R>(keypoints);
    with_channels_last<T>(volume_of<const T>(feature), [&](const Volume<const T>& volume, int64_t first, int64_t last) {
      run(MotionFeatures<T>{volume, motions, shifts, affine.data(), align_corners}, first, last);
    });
  } else {
    const Tensor rows = feature.stride(4) == 1 ? feature : torch::stable::contiguous(feature);
    run(MotionFeatures<T>{volume_of<const T>(rows), motions, shifts, nullptr, align_corners}, int64_t{0},
        feature.size(0));
  }
}

Tensor forward(const Tensor& feature, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, double kp_variance, bool align_corners) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(feature, keypoints);
  Tensor output = empty_in_format_of(feature, output_size(feature, keypoints));
  if (output.numel() == 0) return output;
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    const auto out = volume_of<T>(output);
    const int64_t row = out.width * out.channels, plane = out.height * row;
    with_call<T>(feature, keypoints, kp_variance, align_corners,
                 [&](const MotionFeatures<T>& call, int64_t first, int64_t last) {
                   const int64_t rows = out.depth * out.height;
                   const int64_t room = PTUS_FOR_THIS_CPU(shifted_workspace<T>)(call, out.channels);
                   if (call.affine != nullptr) {
                     const auto run = PTUS_FOR_THIS_CPU(affine_feature_rows<T>);
                     parallel_with_memory<R>(first * rows, last * rows, grain_of(row), out.width,
                                             [&](R* memory, int64_t a, int64_t b) { run(call, out, memory, a, b); });
                   } else if (out.stride_x == 1) {
                     const auto run = PTUS_FOR_THIS_CPU(shifted_feature_planes<T>);
                     parallel_with_memory<R>(0, last * call.motions * out.depth, grain_of(plane / call.motions), room,
                                             [&](R* memory, int64_t a, int64_t b) { run(call, out, memory, a, b); });
                   } else {
                     const auto run = PTUS_FOR_THIS_CPU(shifted_feature_rows_channels_last<T>);
                     parallel_with_memory<R>(0, last * rows, grain_of(row), room,
                                             [&](R* memory, int64_t a, int64_t b) { run(call, out, memory, a, b); });
                   }
                 });
  });
  return output;
}

template <class T>
void keypoint_gradients(const MotionFeatures<T>& call, const Volume<const T>& grad_output,
                        const PlaneGradients<Real<T>>& gradients, int64_t first, int64_t last) {
  using R = Real<T>;
  const int64_t planes = call.motions * call.feature.depth;
  const int64_t room = PTUS_FOR_THIS_CPU(shifted_workspace<T>)(call, 0);
  const auto run = call.affine != nullptr ? PTUS_FOR_THIS_CPU(affine_keypoint_gradient_planes<T>)
                                          : PTUS_FOR_THIS_CPU(shifted_keypoint_gradient_planes<T>);
  parallel_with_memory<R>(first * planes, last * planes, 1, room,
                          [&](R* memory, int64_t a, int64_t b) { run(call, grad_output, gradients, memory, a, b); });
}

template <class T>
void affine_feature_gradient(const MotionFeatures<T>& call, const Volume<const T>& grad_output,
                             const Volume<T>& grad_feature, int64_t first, int64_t last) {
  using R = Real<T>;
  const Slabs slabs(grad_feature.batch, grad_feature.depth, grad_feature.height, grad_feature.width,
                    grad_feature.channels * sizeof(R));
  const int64_t of_sample = slabs.count() / grad_feature.batch;
  const auto run = PTUS_FOR_THIS_CPU(affine_feature_gradient_slab<T>);
  parallel_with_memory<R>(first * of_sample, last * of_sample, 1, slabs.bytes() / sizeof(R),
                          [&](R* sums, int64_t begin, int64_t end) {
                            for (int64_t i = begin; i < end; ++i) {
                              run(call, grad_output, sums, slabs[i], grad_feature);
                            }
                          });
}

template <class T>
void shifted_feature_gradient(const MotionFeatures<T>& call, const Volume<const T>& grad_output,
                              const Volume<T>& grad_feature) {
  using R = Real<T>;
  const bool in_place = std::is_same_v<R, T> && grad_feature.stride_x == 1;
  const int64_t planes = in_place ? 0 : std::min(grad_feature.depth, kPlaneBlock);
  const int64_t rows = planes * grad_feature.channels * grad_feature.height;
  const auto run = PTUS_FOR_THIS_CPU(shifted_feature_gradient_planes<T>);
  parallel_with_memory<R>(
      0, grad_feature.batch * grad_feature.depth, 1, PTUS_FOR_THIS_CPU(shifted_workspace<T>)(call, rows),
      [&](R* memory, int64_t begin, int64_t end) { run(call, grad_output, grad_feature, memory, begin, end); });
}

// The gradients asked for by output_mask, of (feature, kp_driving, kp_source, jacobian).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& feature, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian, double kp_variance,
                             bool align_corners, std::vector<bool> output_mask, bool /*deterministic*/) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(feature, keypoints);
  STD_TORCH_CHECK(
      grad_output.scalar_type() == feature.scalar_type() && size_of(grad_output) == output_size(feature, keypoints),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    if (output_mask[0]) gradients.push_back(empty_in_format_of(feature, size_of(feature)));
    KeypointGradients<R> of_keypoints(keypoints);
    if (grad_output.numel() == 0) return of_keypoints.append(output_mask, gradients);
    const bool keypoints_wanted = output_mask[1] || output_mask[2] || output_mask[3];
    const int64_t planes = feature.size(0) * feature.size(2) * (keypoints.driving.size(1) + 1);
    std::vector<Motion<R>> motions(keypoints_wanted ? planes : 0);
    std::vector<HeatmapGradient<R>> heatmaps(keypoints_wanted ? planes : 0);
    // Shifted rows are read many times, and side by side.
    const bool rows_needed = !keypoints.jacobian.has_value() && grad_output.stride(4) != 1;
    const Tensor readable = rows_needed ? torch::stable::contiguous(grad_output) : grad_output;
    const auto gradient = volume_of<const T>(readable);
    with_call<T>(feature, keypoints, kp_variance, align_corners,
                 [&](const MotionFeatures<T>& call, int64_t first, int64_t last) {
                   if (keypoints_wanted) {
                     keypoint_gradients<T>(call, gradient, {motions.data(), heatmaps.data()}, first, last);
                   }
                   if (!output_mask[0] || feature.numel() == 0) return;
                   const auto grad_feature = volume_of<T>(gradients[0]);
                   if (call.affine != nullptr) affine_feature_gradient(call, gradient, grad_feature, first, last);
                   if (call.affine == nullptr) shifted_feature_gradient(call, gradient, grad_feature);
                 });
    if (keypoints_wanted) of_keypoints.add(motions, heatmaps, feature.size(2));
    of_keypoints.append(output_mask, gradients);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("motion_features", TORCH_BOX(&forward));
  m.impl("motion_features_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
