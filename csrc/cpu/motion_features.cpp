#include "cpu/motion_features.h"

#include "cpu/denormals.h"
#include "host/output_mask.h"

#define PTUS_KERNEL_HEADER "cpu/motion_features_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

// Calls run(first, last) for ranges of items, on all threads, each with room for `numbers` numbers.
template <class R, class F>
void parallel_with_memory(int64_t begin, int64_t end, int64_t grain, int64_t numbers, const F& run) {
  torch::stable::parallel_for(begin, end, grain, [&](int64_t first, int64_t last) {
    const FlushDenormals flush;
    const Scratch memory(numbers * static_cast<int64_t>(sizeof(R)));
    run(memory.as<R>(), first, last);
  });
}

template <class T, int rank>
void motion_gradients(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                      const PlaneGradients<Real<T>, rank>& gradients, int64_t first, int64_t last) {
  using R = Real<T>;
  const int64_t planes = call.motions.count * call.feature.depth;
  const bool shifted = call.motions.kind == MotionKind::translation;
  const int64_t room = shifted ? PTUS_FOR_THIS_CPU(shifted_workspace<T, rank>)(call, 0)
                               : PTUS_FOR_THIS_CPU(moved_workspace<T, rank>)(call);
  const auto run = shifted ? PTUS_FOR_THIS_CPU(shifted_keypoint_gradient_planes<T, rank>)
                           : PTUS_FOR_THIS_CPU(moved_motion_gradient_planes<T, rank>);
  parallel_with_memory<R>(first * planes, last * planes, 1, room,
                          [&](R* memory, int64_t a, int64_t b) { run(call, grad_output, gradients, memory, a, b); });
}

template <class T, int rank>
void moved_feature_gradient(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                            const Volume<T>& grad_feature, int64_t first, int64_t last) {
  using R = Real<T>;
  const Slabs slabs(grad_feature.batch, grad_feature.depth, grad_feature.height, grad_feature.width,
                    grad_feature.channels * sizeof(R));
  const int64_t of_sample = slabs.count() / grad_feature.batch, sums = slabs.bytes() / sizeof(R);
  const auto run = PTUS_FOR_THIS_CPU(moved_feature_gradient_slab<T, rank>);
  parallel_with_memory<R>(first * of_sample, last * of_sample, 1,
                          sums + PTUS_FOR_THIS_CPU(moved_workspace<T, rank>)(call),
                          [&](R* memory, int64_t begin, int64_t end) {
                            for (int64_t i = begin; i < end; ++i) {
                              run(call, grad_output, memory, memory + sums, slabs[i], grad_feature);
                            }
                          });
}

template <class T, int rank>
void shifted_feature_gradient(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                              const Volume<T>& grad_feature) {
  using R = Real<T>;
  const bool in_place = std::is_same_v<R, T> && grad_feature.stride_x == 1;
  const int64_t planes = in_place ? 0 : std::min(grad_feature.depth, kPlaneBlock);
  const int64_t rows = planes * grad_feature.channels * grad_feature.height;
  const auto run = PTUS_FOR_THIS_CPU(shifted_feature_gradient_planes<T, rank>);
  parallel_with_memory<R>(
      0, grad_feature.batch * grad_feature.depth, 1, PTUS_FOR_THIS_CPU(shifted_workspace<T, rank>)(call, rows),
      [&](R* memory, int64_t begin, int64_t end) { run(call, grad_output, grad_feature, memory, begin, end); });
}

}  // namespace

AxisSizes::AxisSizes(const Tensor& feature)
    : size{feature.size(feature.dim() - 1), feature.size(feature.dim() - 2), feature.dim() == 5 ? feature.size(2) : 1} {
}

template <class T, int rank>
void features(const MotionFeatures<T, rank>& call, const Volume<T>& output, int64_t first, int64_t last) {
  using R = Real<T>;
  const int64_t row = output.width * output.channels, plane = output.height * row;
  const int64_t rows = output.depth * output.height;
  if (call.motions.kind != MotionKind::translation) {
    const auto run = PTUS_FOR_THIS_CPU(moved_feature_rows<T, rank>);
    parallel_with_memory<R>(first * rows, last * rows, grain_of(row), PTUS_FOR_THIS_CPU(moved_workspace<T, rank>)(call),
                            [&](R* memory, int64_t a, int64_t b) { run(call, output, memory, a, b); });
    return;
  }
  const int64_t room = PTUS_FOR_THIS_CPU(shifted_workspace<T, rank>)(call, output.channels);
  if (output.stride_x == 1) {
    const int64_t motions = call.motions.count;
    const auto run = PTUS_FOR_THIS_CPU(shifted_feature_planes<T, rank>);
    parallel_with_memory<R>(first * motions * output.depth, last * motions * output.depth, grain_of(plane / motions),
                            room, [&](R* memory, int64_t a, int64_t b) { run(call, output, memory, a, b); });
  } else {
    const auto run = PTUS_FOR_THIS_CPU(shifted_feature_rows_channels_last<T, rank>);
    parallel_with_memory<R>(first * rows, last * rows, grain_of(row), room,
                            [&](R* memory, int64_t a, int64_t b) { run(call, output, memory, a, b); });
  }
}

template <class T, int rank>
void features_backward(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                       const PlaneGradients<Real<T>, rank>& gradients, const Volume<T>& grad_feature, int64_t first,
                       int64_t last) {
  if (gradients.motions != nullptr) motion_gradients(call, grad_output, gradients, first, last);
  if (grad_feature.data == nullptr || call.feature.channels == 0) return;
  if (call.motions.kind == MotionKind::translation) {
    shifted_feature_gradient(call, grad_output, grad_feature);
  } else {
    moved_feature_gradient(call, grad_output, grad_feature, first, last);
  }
}

#define PTUS_INSTANTIATE(T, rank)                                                             \
  template void features(const MotionFeatures<T, rank>&, const Volume<T>&, int64_t, int64_t); \
  template void features_backward(const MotionFeatures<T, rank>&, const Volume<const T>&,     \
                                  const PlaneGradients<Real<T>, rank>&, const Volume<T>&, int64_t, int64_t);
PTUS_INSTANTIATE(float, 2)
PTUS_INSTANTIATE(float, 3)
PTUS_INSTANTIATE(double, 2)
PTUS_INSTANTIATE(double, 3)
PTUS_INSTANTIATE(Half, 2)
PTUS_INSTANTIATE(Half, 3)
PTUS_INSTANTIATE(BFloat16, 2)
PTUS_INSTANTIATE(BFloat16, 3)

namespace {

void check(const Tensor& feature, const Keypoints& keypoints, const Covariances& covariances) {
  check_feature(feature);
  check_keypoints(keypoints, feature);
  check_covariances(covariances, keypoints, feature);
}

std::vector<int64_t> output_size(const Tensor& feature, const Keypoints& keypoints) {
  return size_of_features(feature, keypoints.count() + 1, keypoints.count() + 1);
}

// A call's tables, and the calls with them.
template <class T, int rank>
class Prepared {
  using R = Real<T>;

 public:
  Prepared(const Tensor& feature, const Keypoints& keypoints, const Covariances& covariances, double variance,
           bool align_corners, bool backward)
      : feature_(feature),
        kind_(keypoints.affine() ? MotionKind::affine : MotionKind::translation),
        align_corners_(align_corners),
        motions_(motions_of<R, rank>(keypoints)),
        xs_(identity_row<R>(feature)) {
    const AxisSizes sizes(feature);
    if (kind_ == MotionKind::translation) shifts_.emplace(keypoints, sizes.size, align_corners);
    if (covariances.present()) {
      elliptic_.emplace(keypoints, *covariances.driving, *covariances.source);
    } else {
      tables_.emplace(keypoints.driving, keypoints.source, sizes.size, variance, backward);
    }
  }

  const std::optional<EllipticHeatmaps<R>>& elliptic() const { return elliptic_; }

  // Calls run(call, n_begin, n_end) with calls that cover the batch.
  template <class F>
  void with_call(const F& run) const {
    const int64_t count = static_cast<int64_t>(motions_.size()) / feature_.size(0);
    with_readable_feature<T>(feature_, kind_, [&](const Volume<const T>& volume, int64_t first, int64_t last) {
      run(MotionFeatures<T, rank>{volume,
                                  {kind_, count, motions_.data(), nullptr, 0},
                                  shifts_ ? &*shifts_ : nullptr,
                                  tables_ ? &*tables_ : nullptr,
                                  elliptic_ ? &*elliptic_ : nullptr,
                                  xs_.data(),
                                  FeatureOrder::by_motion,
                                  align_corners_},
          first, last);
    });
  }

 private:
  const Tensor& feature_;
  MotionKind kind_;
  bool align_corners_;
  std::vector<Motion<R, rank>> motions_;
  std::vector<R> xs_;
  std::optional<ShiftTables<R>> shifts_;
  std::optional<HeatmapTables<R>> tables_;
  std::optional<EllipticHeatmaps<R>> elliptic_;
};

Tensor forward(const Tensor& feature, const Tensor& kp_driving, const Tensor& kp_source,
               const std::optional<Tensor>& jacobian, const std::optional<Tensor>& covariance_driving,
               const std::optional<Tensor>& covariance_source, const std::optional<Tensor>& background,
               double kp_variance, bool align_corners) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  const Covariances covariances = {covariance_driving, covariance_source};
  check(feature, keypoints, covariances);
  Tensor output = empty_in_format_of(feature, output_size(feature, keypoints));
  if (output.numel() == 0) return output;
  dispatch_type_and_rank(feature, [&](auto type, auto of_rank) {
    using T = decltype(type);
    constexpr int rank = decltype(of_rank)::value;
    const Prepared<T, rank> prepared(feature, keypoints, covariances, kp_variance, align_corners, false);
    const auto out = volume_of<T>(output);
    prepared.with_call(
        [&](const MotionFeatures<T, rank>& call, int64_t first, int64_t last) { features(call, out, first, last); });
  });
  return output;
}

// The gradients asked for by output_mask, of (feature, kp_driving, kp_source, jacobian, covariance_driving,
// covariance_source, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& feature, const Tensor& kp_driving,
                             const Tensor& kp_source, const std::optional<Tensor>& jacobian,
                             const std::optional<Tensor>& covariance_driving,
                             const std::optional<Tensor>& covariance_source, const std::optional<Tensor>& background,
                             double kp_variance, bool align_corners, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  const Keypoints keypoints(kp_driving, kp_source, jacobian, background);
  const Covariances covariances = {covariance_driving, covariance_source};
  check(feature, keypoints, covariances);
  const bool elliptic = covariances.present();
  check_output_mask(output_mask, {true, true, true, jacobian.has_value(), elliptic, elliptic, background.has_value()});
  STD_TORCH_CHECK(
      grad_output.scalar_type() == feature.scalar_type() && size_of(grad_output) == output_size(feature, keypoints),
      "grad_output: expected the size and type of the output");
  std::vector<Tensor> gradients;
  dispatch_type_and_rank(feature, [&](auto type, auto of_rank) {
    using T = decltype(type);
    using R = Real<T>;
    constexpr int rank = decltype(of_rank)::value;
    if (output_mask[0]) gradients.push_back(empty_in_format_of(feature, size_of(feature)));
    KeypointGradients<R, rank> of_keypoints(keypoints);
    std::optional<Tensor> of_covariances[2];
    for (int t = 0; elliptic && t < 2; ++t) {
      of_covariances[t] = torch::stable::new_zeros(keypoints.driving, size_of(*covariance_driving));
    }
    if (grad_output.numel() > 0) {
      const Prepared<T, rank> prepared(feature, keypoints, covariances, kp_variance, align_corners, true);
      const bool wanted = std::find(output_mask.begin() + 1, output_mask.end(), true) != output_mask.end();
      const int64_t units = feature.dim() == 5 ? feature.size(2) : 1;
      const int64_t planes = wanted ? feature.size(0) * units * (keypoints.count() + 1) : 0;
      std::vector<Motion<R, rank>> motions(planes);
      std::vector<HeatmapGradient<R>> heatmaps(elliptic ? 0 : planes);
      std::vector<OfBoth<EllipticMoments<R>>> moments(elliptic ? planes : 0);
      // Shifted rows are read many times, and side by side.
      const bool rows_needed = !keypoints.affine() && grad_output.stride(grad_output.dim() - 1) != 1;
      const Tensor readable = rows_needed ? torch::stable::contiguous(grad_output) : grad_output;
      const Volume<T> grad_feature = output_mask[0] ? volume_of<T>(gradients[0]) : Volume<T>{};
      prepared.with_call([&](const MotionFeatures<T, rank>& call, int64_t first, int64_t last) {
        features_backward(call, volume_of<const T>(readable),
                          {wanted ? motions.data() : nullptr, nullptr, heatmaps.data(), moments.data(), output_mask[6]},
                          grad_feature, first, last);
      });
      if (wanted && elliptic) {
        heatmaps = prepared.elliptic()->keypoint_gradients(moments, units);
        prepared.elliptic()->covariance_gradients(moments, units, static_cast<R*>(of_covariances[0]->data_ptr()),
                                                  static_cast<R*>(of_covariances[1]->data_ptr()));
      }
      if (wanted) of_keypoints.add(motions, heatmaps, units);
    }
    of_keypoints.append(output_mask, gradients);
    for (int t = 0; t < 2; ++t) {
      if (output_mask[4 + t]) gradients.push_back(*of_covariances[t]);
    }
    if (output_mask[6]) gradients.push_back(of_keypoints.background());
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("motion_features", TORCH_BOX(&forward));
  m.impl("motion_features_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
