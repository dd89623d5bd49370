#include "cpu/output_mask.h"
#include "cuda/fixed_point.cuh"
#include "cuda/motion_features_kernels.cuh"

namespace ptus::cuda {
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

// For an output (or its gradient) with these strides.
template <class T, class Like>
MotionFeatures<T> call_of(const Tensor& feature, const Keypoints& keypoints, double variance, bool align_corners,
                          const Volume<Like>& output) {
  return {volume_of<const T>(feature), KeypointData<Real<T>>(keypoints), static_cast<Real<T>>(variance), align_corners,
          output.stride_c == 1 && output.channels > 1};
}

// How many lanes share the channels of a point.
template <class T>
int lanes_of(const MotionFeatures<T>& call) {
  return call.channels_last ? lanes_for(call.feature.channels) : 1;
}

template <class T>
Sharing share_of(const MotionFeatures<T>& call) {
  return share_in_chunks(call.feature.batch * call.points() * call.motions(), call.feature.channels, lanes_of(call));
}

Tensor forward(const Tensor& feature, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, double kp_variance, bool align_corners) {
  const Launcher launcher({&feature, &kp_driving, &kp_source, jacobian.has_value() ? &*jacobian : nullptr});
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(feature, keypoints);
  Tensor output = empty_in_format_of(feature, output_size(feature, keypoints));
  if (output.numel() == 0) return output;
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto out = volume_of<T>(output);
    const MotionFeatures<T> call = call_of<T>(feature, keypoints, kp_variance, align_corners, out);
    const Sharing sharing = share_of(call);
    launcher.items(sharing.items(), motion_features_kernel<T>, call, out, sharing, sharing.items());
  });
  return output;
}

template <class T>
void write_keypoint_gradients(const Launcher& launcher, const MotionFeatures<T>& call,
                              const Volume<const T>& grad_output, const KeypointGradientWriter<Real<T>>& of_keypoints) {
  constexpr int64_t points_of_tile = 8 * kThreads;
  const int64_t tiles = ceil_div(call.points(), points_of_tile);
  const Tensor of_tiles = of_keypoints.sums_of_tiles(tiles, true);
  launcher.blocks(call.feature.batch * call.keypoints.count * tiles, motion_features_keypoints_kernel<T>, call,
                  grad_output, static_cast<Real<T>*>(of_tiles.data_ptr()), tiles, points_of_tile, lanes_of(call));
  of_keypoints.write(launcher, of_tiles, tiles, true);
}

template <class T, class Sums>
void scatter_features(const Launcher& launcher, const MotionFeatures<T>& call, const Volume<const T>& grad_output,
                      const Sums& sums) {
  const Sharing sharing = share_of(call);
  launcher.items(sharing.items(), scatter_features_kernel<T, Sums>, call, grad_output, sums, sharing, sharing.items());
}

template <class T>
void scatter_feature_gradient(const Launcher& launcher, MotionFeatures<T> call, const Volume<const T>& grad_output,
                              Tensor& grad_feature, bool deterministic) {
  call.feature = volume_of<const T>(grad_feature);
  if (deterministic) {
    const int64_t terms = call.points() * call.motions();
    const FixedPointAccumulator<T> accumulator(launcher, grad_feature, grad_output, {}, terms);
    scatter_features(launcher, call, grad_output, accumulator.sums());
    accumulator.finish(launcher);
  } else {
    const Accumulator<T> accumulator(grad_feature);
    scatter_features(launcher, call, grad_output, FloatingSums<Real<T>>{accumulator.sums()});
    accumulator.finish(launcher);
  }
}

template <class T>
void gather_feature_gradient(const Launcher& launcher, const MotionFeatures<T>& call,
                             const Volume<const T>& grad_output, const Tensor& kp_driving, Tensor& grad_feature) {
  using Readers = ShiftReaders<Real<T>>;
  const auto to = volume_of<T>(grad_feature);
  const int64_t entries = to.batch * call.motions() * (to.width + to.height + to.depth);
  const int64_t numbers = entries * static_cast<int64_t>(sizeof(Readers) / sizeof(Real<T>));
  const Tensor table = torch::stable::new_empty(kp_driving, {numbers});
  auto* const readers = static_cast<Readers*>(table.data_ptr());
  launcher.items(entries, shift_readers_kernel<T>, call, readers, entries);
  const int lanes = lanes_of(call);
  const int64_t of_chunk = kGathered * lanes;
  const Sharing sharing = {to.batch * call.points(), lanes, to.channels, of_chunk, ceil_div(to.channels, of_chunk)};
  launcher.items(sharing.items(), gather_features_kernel<T>, call, grad_output, readers, to, sharing, sharing.items());
}

// The gradients asked for by output_mask, of (feature, kp_driving, kp_source, jacobian).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& feature, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian, double kp_variance,
                             bool align_corners, std::vector<bool> output_mask, bool deterministic) {
  const Launcher launcher(
      {&feature, &kp_driving, &kp_source, jacobian.has_value() ? &*jacobian : nullptr, &grad_output});
  const Keypoints keypoints(kp_driving, kp_source, jacobian);
  check(feature, keypoints);
  check_output_mask(output_mask, {true, true, true, jacobian.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == feature.scalar_type() && size_of(grad_output) == output_size(feature, keypoints),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  gradients.reserve(4);
  if (output_mask[0]) gradients.push_back(empty_in_format_of(feature, size_of(feature)));
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const KeypointGradientWriter<Real<T>> of_keypoints(keypoints, output_mask, gradients);
    if (grad_output.numel() == 0) {
      for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
      return;
    }
    const auto gradient = volume_of<const T>(grad_output);
    const MotionFeatures<T> call = call_of<T>(feature, keypoints, kp_variance, align_corners, gradient);
    if (of_keypoints.wanted()) write_keypoint_gradients(launcher, call, gradient, of_keypoints);
    if (!output_mask[0] || feature.numel() == 0) return;
    if (jacobian.has_value()) scatter_feature_gradient(launcher, call, gradient, gradients[0], deterministic);
    if (!jacobian.has_value()) gather_feature_gradient(launcher, call, gradient, kp_driving, gradients[0]);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("motion_features", TORCH_BOX(&forward));
  m.impl("motion_features_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
