#include "host/keypoints.h"

namespace ptus {

namespace {

std::optional<Tensor> contiguous(const std::optional<Tensor>& tensor) {
  if (!tensor.has_value()) return std::nullopt;
  return torch::stable::contiguous(*tensor);
}

std::optional<Tensor> zeros_like(const std::optional<Tensor>& tensor) {
  if (!tensor.has_value()) return std::nullopt;
  return torch::stable::new_zeros(*tensor, size_of(*tensor));
}

}  // namespace

Keypoints::Keypoints(const Tensor& driving, const Tensor& source, const std::optional<Tensor>& jacobian,
                     const std::optional<Tensor>& background)
    : driving(torch::stable::contiguous(driving)),
      source(torch::stable::contiguous(source)),
      jacobian(contiguous(jacobian)),
      background(contiguous(background)) {}

ScalarType type_of_coordinates(const Tensor& feature) {
  return feature.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
}

void check_keypoints(const Keypoints& keypoints, const Tensor& feature) {
  const ScalarType type = type_of_coordinates(feature);
  const std::vector<int64_t> size = size_of(keypoints.driving);
  const int64_t rank = feature.dim() - 2;
  STD_TORCH_CHECK((rank == 2 || rank == 3) && size.size() == 3 && size[0] == feature.size(0) && size[2] == rank &&
                      size_of(keypoints.source) == size && keypoints.driving.scalar_type() == type &&
                      keypoints.source.scalar_type() == type,
                  "kp_driving, kp_source: expected (B, K, rank) in the type of coordinates");
  check_background(keypoints.background, rank, feature);
  if (!keypoints.jacobian.has_value()) return;
  STD_TORCH_CHECK(size_of(*keypoints.jacobian) == std::vector<int64_t>({size[0], size[1], rank, rank}) &&
                      keypoints.jacobian->scalar_type() == type,
                  "jacobian: expected (B, K, rank, rank) in the type of coordinates");
}

void check_background(const std::optional<Tensor>& background, int64_t rank, const Tensor& feature) {
  STD_TORCH_CHECK(
      !background.has_value() || (size_of(*background) == std::vector<int64_t>({feature.size(0), rank, rank + 1}) &&
                                  background->scalar_type() == type_of_coordinates(feature)),
      "background: expected (B, rank, rank + 1) in the type of coordinates");
}

template <class R, int rank>
Motion<R, rank> sum_of_units(const std::vector<Motion<R, rank>>& of_units, int64_t n, int64_t k, int64_t units,
                             int64_t motions) {
  double offset[rank] = {}, linear[rank][rank] = {};
  for (int64_t unit = n * units; unit < (n + 1) * units; ++unit) {
    const Motion<R, rank>& of_unit = of_units[unit * motions + k];
    for (int i = 0; i < rank; ++i) {
      offset[i] += of_unit.offset[i];
      for (int j = 0; j < rank; ++j) linear[i][j] += of_unit.linear[i][j];
    }
  }
  Motion<R, rank> sum;
  for (int i = 0; i < rank; ++i) {
    sum.offset[i] = static_cast<R>(offset[i]);
    for (int j = 0; j < rank; ++j) sum.linear[i][j] = static_cast<R>(linear[i][j]);
  }
  return sum;
}

template <class R, int rank>
Tensor gradient_of_background(const Tensor& background, const std::vector<Motion<R, rank>>& of_units, int64_t units,
                              int64_t motions) {
  Tensor gradient = torch::stable::new_zeros(background, size_of(background));
  R* to = static_cast<R*>(gradient.data_ptr());
  for (int64_t n = 0; n < background.size(0); ++n) {
    const Motion<R, rank> sum = sum_of_units(of_units, n, 0, units, motions);
    for (int i = 0; i < rank; ++i) {
      for (int j = 0; j < rank; ++j) *to++ = sum.linear[i][j];
      *to++ = sum.offset[i];
    }
  }
  return gradient;
}

template <class R, int rank>
KeypointGradients<R, rank>::KeypointGradients(const Keypoints& keypoints)
    : keypoints_(keypoints),
      driving_(torch::stable::new_zeros(keypoints.driving, size_of(keypoints.driving))),
      source_(torch::stable::new_zeros(keypoints.driving, size_of(keypoints.driving))),
      jacobian_(zeros_like(keypoints.jacobian)),
      background_(zeros_like(keypoints.background)) {}

template <class R, int rank>
void KeypointGradients<R, rank>::add(const std::vector<Motion<R, rank>>& motions,
                                     const std::vector<HeatmapGradient<R>>& heatmaps, int64_t units) {
  const R* const kp_driving = static_cast<const R*>(keypoints_.driving.data_ptr());
  R* const driving = static_cast<R*>(driving_.data_ptr());
  R* const source = static_cast<R*>(source_.data_ptr());
  R* const jacobian = jacobian_.has_value() ? static_cast<R*>(jacobian_->data_ptr()) : nullptr;
  const int64_t count = driving_.size(1);
  for (int64_t i = 0; i < driving_.size(0) * count; ++i) {
    const int64_t n = i / count, k = i % count + 1;
    const Motion<R, rank> gradient = sum_of_units(motions, n, k, units, count + 1);
    gradient_of_keypoint(gradient, kp_driving + rank * i, keypoints_.jacobian_of<R>(i), driving + rank * i,
                         source + rank * i, jacobian != nullptr ? jacobian + rank * rank * i : nullptr);
    for (int64_t unit = n * units; !heatmaps.empty() && unit < (n + 1) * units; ++unit) {
      const HeatmapGradient<R>& heatmap = heatmaps[unit * (count + 1) + k];
      for (int a = 0; a < rank; ++a) {
        driving[rank * i + a] += heatmap.driving[a];
        source[rank * i + a] += heatmap.source[a];
      }
    }
  }
  if (background_.has_value()) {
    background_ = gradient_of_background<R, rank>(*keypoints_.background, motions, units, count + 1);
  }
}

template <class R, int rank>
void KeypointGradients<R, rank>::append(const std::vector<bool>& mask, std::vector<Tensor>& gradients) const {
  if (mask[1]) gradients.push_back(driving_);
  if (mask[2]) gradients.push_back(source_);
  if (mask[3]) gradients.push_back(*jacobian_);
}

#define PTUS_INSTANTIATE(R, rank)                                                                                 \
  template Motion<R, rank> sum_of_units(const std::vector<Motion<R, rank>>&, int64_t, int64_t, int64_t, int64_t); \
  template Tensor gradient_of_background(const Tensor&, const std::vector<Motion<R, rank>>&, int64_t, int64_t);   \
  template class KeypointGradients<R, rank>;
PTUS_INSTANTIATE(float, 2)
PTUS_INSTANTIATE(float, 3)
PTUS_INSTANTIATE(double, 2)
PTUS_INSTANTIATE(double, 3)

}  // namespace ptus
