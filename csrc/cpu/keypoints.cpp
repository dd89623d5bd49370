#include "cpu/keypoints.h"

namespace ptus {

Keypoints::Keypoints(const Tensor& driving, const Tensor& source, const std::optional<Tensor>& jacobian)
    : driving(torch::stable::contiguous(driving)), source(torch::stable::contiguous(source)) {
  if (jacobian.has_value()) this->jacobian = torch::stable::contiguous(*jacobian);
}

void check_keypoints(const Keypoints& keypoints, const Tensor& feature) {
  const bool wide = feature.scalar_type() == ScalarType::Double;
  const ScalarType type = wide ? ScalarType::Double : ScalarType::Float;
  const std::vector<int64_t> size = size_of(keypoints.driving);
  STD_TORCH_CHECK(size.size() == 3 && feature.dim() > 0 && size[0] == feature.size(0) && size[2] == 3 &&
                      size_of(keypoints.source) == size && keypoints.driving.scalar_type() == type &&
                      keypoints.source.scalar_type() == type,
                  "kp_driving, kp_source: expected (B, K, 3) in the type of coordinates");
  if (!keypoints.jacobian.has_value()) return;
  STD_TORCH_CHECK(size_of(*keypoints.jacobian) == std::vector<int64_t>({size[0], size[1], 3, 3}) &&
                      keypoints.jacobian->scalar_type() == type,
                  "jacobian: expected (B, K, 3, 3) in the type of coordinates");
}

namespace {

// Sums many small gradients in double: their number grows with the volume.
template <class R>
Motion<R> sum_of_units(const std::vector<Motion<R>>& of_units, int64_t first, int64_t units, int64_t stride) {
  double sums[12] = {};
  for (int64_t unit = 0; unit < units; ++unit) {
    const Motion<R>& of_unit = of_units[first + unit * stride];
    for (int i = 0; i < 3; ++i) {
      sums[9 + i] += of_unit.offset[i];
      for (int j = 0; j < 3; ++j) sums[3 * i + j] += of_unit.linear[i][j];
    }
  }
  Motion<R> sum;
  for (int i = 0; i < 3; ++i) {
    sum.offset[i] = static_cast<R>(sums[9 + i]);
    for (int j = 0; j < 3; ++j) sum.linear[i][j] = static_cast<R>(sums[3 * i + j]);
  }
  return sum;
}

}  // namespace

template <class R>
KeypointGradients<R>::KeypointGradients(const Keypoints& keypoints)
    : keypoints_(keypoints),
      driving_(torch::stable::new_zeros(keypoints.driving, size_of(keypoints.driving))),
      source_(torch::stable::new_zeros(keypoints.driving, size_of(keypoints.driving))) {
  if (keypoints.jacobian.has_value()) {
    jacobian_ = torch::stable::new_zeros(*keypoints.jacobian, size_of(*keypoints.jacobian));
  }
}

template <class R>
void KeypointGradients<R>::add(const std::vector<Motion<R>>& motions, const std::vector<HeatmapGradient<R>>& heatmaps,
                               int64_t units) {
  const R* const kp_driving = static_cast<const R*>(keypoints_.driving.data_ptr());
  R* const driving = static_cast<R*>(driving_.data_ptr());
  R* const source = static_cast<R*>(source_.data_ptr());
  const int64_t count = driving_.size(1);
  for (int64_t i = 0; i < driving_.size(0) * count; ++i) {
    const int64_t first = i / count * units * (count + 1) + i % count + 1;
    const Motion<R> gradient = sum_of_units(motions, first, units, count + 1);
    gradient_of_keypoint(gradient, kp_driving + 3 * i, keypoints_.jacobian_of<R>(i), driving + 3 * i, source + 3 * i,
                         jacobian_.has_value() ? static_cast<R*>(jacobian_->data_ptr()) + 9 * i : nullptr);
    for (int64_t unit = 0; !heatmaps.empty() && unit < units; ++unit) {
      const HeatmapGradient<R>& heatmap = heatmaps[first + unit * (count + 1)];
      for (int a = 0; a < 3; ++a) {
        driving[3 * i + a] += heatmap.driving[a];
        source[3 * i + a] += heatmap.source[a];
      }
    }
  }
}

template <class R>
void KeypointGradients<R>::append(const std::vector<bool>& mask, std::vector<Tensor>& gradients) const {
  if (mask[1]) gradients.push_back(driving_);
  if (mask[2]) gradients.push_back(source_);
  if (mask[3]) gradients.push_back(*jacobian_);
}

template class KeypointGradients<float>;
template class KeypointGradients<double>;

}  // namespace ptus
