#include "cpu/motion_features.h"
#include "host/output_mask.h"
#include "host/splines.h"

namespace ptus {
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

// Calls run(call, n_begin, n_end) with calls that cover the batch.
template <class T, class F>
void with_call(const Tensor& feature, const Splines& splines, const Tensor& kp_source, double variance,
               bool align_corners, bool backward, const F& run) {
  using R = Real<T>;
  const SplineMotions<R> of(splines);
  const HeatmapTables<R> tables(splines.driving, torch::stable::contiguous(kp_source), AxisSizes(feature).size,
                                variance, backward);
  const std::vector<R> xs = identity_row<R>(feature);
  with_readable_feature<T>(feature, MotionKind::spline, [&](const auto& volume, int64_t first, int64_t last) {
    run(MotionFeatures<T, 2>{volume, of.motions(), nullptr, &tables, nullptr, xs.data(), FeatureOrder::heatmaps_first,
                             align_corners},
        first, last);
  });
}

Tensor forward(const Tensor& feature, const Tensor& kp_driving, const Tensor& kp_source, const Tensor& spline,
               const std::optional<Tensor>& background, double kp_variance, bool align_corners) {
  const Splines splines(kp_driving, spline, background);
  check(feature, splines, kp_source);
  Tensor output = empty_in_format_of(feature, output_size(feature, splines));
  if (output.numel() == 0) return output;
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto out = volume_of<T>(output);
    with_call<T>(
        feature, splines, kp_source, kp_variance, align_corners, false,
        [&](const MotionFeatures<T, 2>& call, int64_t first, int64_t last) { features(call, out, first, last); });
  });
  return output;
}

// Adds the heatmaps' gradients (B, 1 + K P) to those of the control points (B, K, P, 2).
template <class R>
void add_heatmap_gradients(const std::vector<HeatmapGradient<R>>& heatmaps, int64_t maps, const Tensor& of_driving,
                           const Tensor& of_source) {
  R* driving = static_cast<R*>(of_driving.data_ptr());
  R* source = static_cast<R*>(of_source.data_ptr());
  for (int64_t i = 0; i < static_cast<int64_t>(heatmaps.size()); ++i) {
    if (i % maps == 0) continue;  // the background's
    for (int a = 0; a < 2; ++a) {
      *driving++ += heatmaps[i].driving[a];
      *source++ += heatmaps[i].source[a];
    }
  }
}

// The gradients asked for by output_mask, of (feature, kp_driving, kp_source, spline, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& feature, const Tensor& kp_driving,
                             const Tensor& kp_source, const Tensor& spline, const std::optional<Tensor>& background,
                             double kp_variance, bool align_corners, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  const Splines splines(kp_driving, spline, background);
  check(feature, splines, kp_source);
  check_output_mask(output_mask, {true, true, true, true, background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == feature.scalar_type() && size_of(grad_output) == output_size(feature, splines),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  dispatch_type(feature.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    if (output_mask[0]) gradients.push_back(empty_in_format_of(feature, size_of(feature)));
    SplineGradients<R> of_splines(splines);
    const Tensor of_source = torch::stable::new_zeros(splines.driving, size_of(splines.driving));
    if (grad_output.numel() > 0) {
      const int64_t batch = feature.size(0), count = splines.count(), points = splines.points();
      const bool wanted = std::find(output_mask.begin() + 1, output_mask.end(), true) != output_mask.end();
      std::vector<Motion<R, 2>> motions(wanted ? batch * (count + 1) : 0);
      std::vector<Bend<R>> bends(wanted ? batch * count * points : 0);
      std::vector<HeatmapGradient<R>> heatmaps(wanted ? batch * (1 + count * points) : 0);
      const Volume<T> grad_feature = output_mask[0] ? volume_of<T>(gradients[0]) : Volume<T>{};
      with_call<T>(feature, splines, kp_source, kp_variance, align_corners, true,
                   [&](const MotionFeatures<T, 2>& call, int64_t first, int64_t last) {
                     features_backward(
                         call, volume_of<const T>(grad_output),
                         {wanted ? motions.data() : nullptr, bends.data(), heatmaps.data(), nullptr, output_mask[4]},
                         grad_feature, first, last);
                   });
      if (wanted) {
        of_splines.add(splines, motions, bends, 1);
        add_heatmap_gradients(heatmaps, 1 + count * points, of_splines.driving, of_source);
      }
    }
    if (output_mask[1]) gradients.push_back(of_splines.driving);
    if (output_mask[2]) gradients.push_back(of_source);
    if (output_mask[3]) gradients.push_back(of_splines.spline);
    if (output_mask[4]) gradients.push_back(*of_splines.background);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("spline_features", TORCH_BOX(&forward));
  m.impl("spline_features_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
