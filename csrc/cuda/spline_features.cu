#include "cuda/features.cuh"
#include "cuda/spline_features_kernels.cuh"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

void check(const Tensor& feature, const Splines& splines, const Tensor& kp_source) {
  check_feature(feature);
  check_splines(splines, feature);
  STD_TORCH_CHECK(
      size_of(kp_source) == size_of(splines.driving) && kp_source.scalar_type() == splines.driving.scalar_type(),
      "kp_source: expected (B, K, P, 2) in the type of coordinates");
}

std::vector<int64_t> output_size(const Tensor& feature, const Splines& splines) {
  return size_of_features(feature, splines.count() + 1, 1 + splines.count() * splines.points());
}

// For an output (or its gradient) like this; `source` is contiguous.
template <class T, class Like>
MotionFeatures<T, SplineData<Real<T>>> call_of(const Tensor& feature, const Splines& splines, const Tensor& source,
                                               double variance, bool align_corners, const Volume<Like>& output) {
  using R = Real<T>;
  const HeatmapData<R, 2> heatmaps = {static_cast<const R*>(splines.driving.data_ptr()),
                                      static_cast<const R*>(source.data_ptr()),
                                      nullptr,
                                      nullptr,
                                      splines.count() * splines.points(),
                                      static_cast<R>(variance)};
  return {volume_of<const T>(feature), SplineData<R>(splines), heatmaps, align_corners, lies_by_channels(output)};
}

Tensor forward(const Tensor& feature, const Tensor& kp_driving, const Tensor& kp_source, const Tensor& spline,
               const std::optional<Tensor>& background, double kp_variance, bool align_corners) {
  const Launcher launcher(
      {&feature, &kp_driving, &kp_source, &spline, background.has_value() ? &*background : nullptr});
  const Splines splines(kp_driving, spline, background);
  check(feature, splines, kp_source);
  Tensor output = empty_in_format_of(feature, output_size(feature, splines));
  if (output.numel() == 0) return output;
  const Tensor source = torch::stable::contiguous(kp_source);
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto out = volume_of<T>(output);
    features(launcher, call_of<T>(feature, splines, source, kp_variance, align_corners, out), out);
  });
  return output;
}

// The gradients asked for by output_mask, of (feature, kp_driving, kp_source, spline, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& feature, const Tensor& kp_driving,
                             const Tensor& kp_source, const Tensor& spline, const std::optional<Tensor>& background,
                             double kp_variance, bool align_corners, std::vector<bool> output_mask,
                             bool deterministic) {
  const Launcher launcher(
      {&feature, &kp_driving, &kp_source, &spline, background.has_value() ? &*background : nullptr, &grad_output});
  const Splines splines(kp_driving, spline, background);
  check(feature, splines, kp_source);
  check_output_mask(output_mask, {true, true, true, true, background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == feature.scalar_type() && size_of(grad_output) == output_size(feature, splines),
      "grad_output: expected the size and type of the output");
  const Tensor source = torch::stable::contiguous(kp_source);
  std::vector<Tensor> gradients;
  gradients.reserve(5);
  if (output_mask[0]) gradients.push_back(empty_in_format_of(feature, size_of(feature)));
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    SplineGradientData<R> to = {};
    to.driving = append_gradient<R>(output_mask[1], splines.driving, gradients);
    R* const of_source = append_gradient<R>(output_mask[2], source, gradients);
    to.spline = append_gradient<R>(output_mask[3], splines.spline, gradients);
    if (output_mask[4]) to.background = append_gradient<R>(true, *background, gradients);
    if (grad_output.numel() == 0) {
      for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
      return;
    }
    const auto gradient = volume_of<const T>(grad_output);
    const auto call = call_of<T>(feature, splines, source, kp_variance, align_corners, gradient);
    if (to.wanted()) {
      const Tensor of_moved = moved_points(splines, call.points());
      const int64_t count = call.feature.batch * call.motions() * call.points();
      launcher.items(count, moved_gradient_kernel<T>, call, gradient, static_cast<R*>(of_moved.data_ptr()), count);
      write_spline_gradients(launcher, splines, of_moved, call.feature.height, call.feature.width, to);
    }
    if (to.driving != nullptr || of_source != nullptr) {
      launcher.blocks(call.feature.batch * call.heatmaps.count, spline_heatmaps_kernel<T>, call, gradient, to.driving,
                      of_source);
    }
    if (output_mask[0] && feature.numel() > 0) {
      scatter_feature_gradient(launcher, call, gradient, gradients[0], deterministic);
    }
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("spline_features", TORCH_BOX(&forward));
  m.impl("spline_features_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
