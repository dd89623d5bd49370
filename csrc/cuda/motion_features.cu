#include "cuda/features.cuh"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

void check(const Tensor& feature, const Keypoints& keypoints, const Covariances& covariances) {
  check_feature(feature);
  check_keypoints(keypoints, feature);
  check_covariances(covariances, keypoints, feature);
}

std::vector<int64_t> output_size(const Tensor& feature, const Keypoints& keypoints) {
  return size_of_features(feature, keypoints.count() + 1, keypoints.count() + 1);
}

const Tensor* pointer_to(const std::optional<Tensor>& tensor) { return tensor.has_value() ? &*tensor : nullptr; }

// The covariances side by side, where there are any.
struct ContiguousCovariances {
  std::optional<Tensor> driving, source;

  explicit ContiguousCovariances(const Covariances& of) {
    if (!of.present()) return;
    driving = torch::stable::contiguous(*of.driving);
    source = torch::stable::contiguous(*of.source);
  }
};

template <class R, int rank>
HeatmapData<R, rank> heatmaps_of(const Keypoints& keypoints, const ContiguousCovariances& covariances,
                                 double variance) {
  HeatmapData<R, rank> heatmaps = {static_cast<const R*>(keypoints.driving.data_ptr()),
                                   static_cast<const R*>(keypoints.source.data_ptr()),
                                   nullptr,
                                   nullptr,
                                   keypoints.count(),
                                   static_cast<R>(variance)};
  if (covariances.driving.has_value()) {
    heatmaps.covariance_driving = static_cast<const R*>(covariances.driving->data_ptr());
    heatmaps.covariance_source = static_cast<const R*>(covariances.source->data_ptr());
  }
  return heatmaps;
}

Tensor forward(const Tensor& feature, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, const std::optional<Tensor>& covariance_driving,
               const std::optional<Tensor>& covariance_source, const std::optional<Tensor>& background,
               double kp_variance, bool align_corners) {
  const Launcher launcher({&feature, &kp_driving, &kp_source, pointer_to(jacobian), pointer_to(covariance_driving),
                           pointer_to(covariance_source), pointer_to(background)});
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  const Covariances given = {covariance_driving, covariance_source};
  check(feature, keypoints, given);
  Tensor output = empty_in_format_of(feature, output_size(feature, keypoints));
  if (output.numel() == 0) return output;
  const ContiguousCovariances covariances(given);
  dispatch_type_and_rank(feature, [&](auto type, auto of_rank) {
    using T = decltype(type);
    using R = Real<T>;
    constexpr int rank = decltype(of_rank)::value;
    const auto out = volume_of<T>(output);
    const auto heatmaps = heatmaps_of<R, rank>(keypoints, covariances, kp_variance);
    features(launcher,
             MotionFeatures<T, KeypointData<R, rank>>{volume_of<const T>(feature), KeypointData<R, rank>(keypoints),
                                                      heatmaps, align_corners, lies_by_channels(out)},
             out);
  });
  return output;
}

template <class T, int rank>
void write_keypoint_gradients(const Launcher& launcher, const MotionFeatures<T, KeypointData<Real<T>, rank>>& call,
                              const Volume<const T>& grad_output,
                              const KeypointGradientWriter<Real<T>, rank>& of_keypoints) {
  constexpr int64_t points_of_tile = 8 * kThreads;
  const int64_t tiles = ceil_div(call.points(), points_of_tile);
  const Tensor of_tiles = of_keypoints.sums_of_tiles(tiles);
  launcher.blocks(of_keypoints.motions() * tiles, motion_features_keypoints_kernel<T, rank>, call, grad_output,
                  static_cast<Real<T>*>(of_tiles.data_ptr()), tiles, points_of_tile, lanes_of(call));
  of_keypoints.write(launcher, of_tiles, tiles);
}

template <class T, class Moves>
void gather_feature_gradient(const Launcher& launcher, const MotionFeatures<T, Moves>& call,
                             const Volume<const T>& grad_output, const Tensor& kp_driving, Tensor& grad_feature) {
  using Readers = ShiftReaders<Real<T>>;
  const auto to = volume_of<T>(grad_feature);
  const int64_t entries = to.batch * call.motions() * (to.width + to.height + to.depth);
  const int64_t numbers = entries * static_cast<int64_t>(sizeof(Readers) / sizeof(Real<T>));
  const Tensor table = torch::stable::new_empty(kp_driving, {numbers});
  auto* const readers = static_cast<Readers*>(table.data_ptr());
  launcher.items(entries, shift_readers_kernel<T, Moves>, call, readers, entries);
  const int lanes = lanes_of(call);
  const int64_t of_chunk = kGathered * lanes;
  const Sharing sharing = {to.batch * call.points(), lanes, to.channels, of_chunk, ceil_div(to.channels, of_chunk)};
  launcher.items(sharing.items(), gather_features_kernel<T, Moves>, call, grad_output, readers, to, sharing,
                 sharing.items());
}

// The gradients asked for by output_mask, of (feature, kp_driving, kp_source, jacobian, covariance_driving,
// covariance_source, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& feature, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian,
                             const std::optional<Tensor>& covariance_driving,
                             const std::optional<Tensor>& covariance_source, const std::optional<Tensor>& background,
                             double kp_variance, bool align_corners, std::vector<bool> output_mask,
                             bool deterministic) {
  const Launcher launcher({&feature, &kp_driving, &kp_source, pointer_to(jacobian), pointer_to(covariance_driving),
                           pointer_to(covariance_source), pointer_to(background), &grad_output});
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  const Covariances given = {covariance_driving, covariance_source};
  check(feature, keypoints, given);
  const bool elliptic = given.present();
  check_output_mask(output_mask, {true, true, true, jacobian.has_value(), elliptic, elliptic, background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == feature.scalar_type() && size_of(grad_output) == output_size(feature, keypoints),
      "grad_output: expected the size and type of the output");
  const ContiguousCovariances covariances(given);
  std::vector<Tensor> gradients;
  gradients.reserve(7);
  if (output_mask[0]) gradients.push_back(empty_in_format_of(feature, size_of(feature)));
  dispatch_type_and_rank(feature, [&](auto type, auto of_rank) {
    using T = decltype(type);
    using R = Real<T>;
    constexpr int rank = decltype(of_rank)::value;
    KeypointGradientData<R> to = {};
    to.driving = append_gradient<R>(output_mask[1], keypoints.driving, gradients);
    to.source = append_gradient<R>(output_mask[2], keypoints.driving, gradients);
    if (output_mask[3]) to.jacobian = append_gradient<R>(true, *jacobian, gradients);
    if (output_mask[4]) to.covariance_driving = append_gradient<R>(true, *covariance_driving, gradients);
    if (output_mask[5]) to.covariance_source = append_gradient<R>(true, *covariance_source, gradients);
    if (output_mask[6]) to.background = append_gradient<R>(true, *background, gradients);
    if (grad_output.numel() == 0) {
      for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
      return;
    }
    const auto gradient = volume_of<const T>(grad_output);
    const auto heatmaps = heatmaps_of<R, rank>(keypoints, covariances, kp_variance);
    const MotionFeatures<T, KeypointData<R, rank>> call = {volume_of<const T>(feature),
                                                           KeypointData<R, rank>(keypoints), heatmaps, align_corners,
                                                           lies_by_channels(gradient)};
    const KeypointGradientWriter<R, rank> of_keypoints(keypoints, &heatmaps, to);
    if (of_keypoints.wanted()) write_keypoint_gradients(launcher, call, gradient, of_keypoints);
    if (!output_mask[0] || feature.numel() == 0) return;
    if (keypoints.affine()) {
      scatter_feature_gradient(launcher, call, gradient, gradients[0], deterministic);
    } else {
      gather_feature_gradient(launcher, call, gradient, kp_driving, gradients[0]);
    }
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("motion_features", TORCH_BOX(&forward));
  m.impl("motion_features_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
