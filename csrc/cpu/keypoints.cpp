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
void append_keypoint_gradients(const std::vector<Motion<R>>& of_units, int64_t units, const Keypoints& keypoints,
                               const std::vector<bool>& mask, std::vector<Tensor>& gradients) {
  const ScalarType type = keypoints.driving.scalar_type();
  const std::vector<int64_t> size = size_of(keypoints.driving);
  const Tensor driving = empty_contiguous(keypoints.driving, size, type);
  const Tensor source = empty_contiguous(keypoints.driving, size, type);
  std::optional<Tensor> jacobian;
  if (keypoints.jacobian.has_value()) {
    jacobian = empty_contiguous(keypoints.driving, size_of(*keypoints.jacobian), type);
  }
  const R* const kp_driving = static_cast<const R*>(keypoints.driving.data_ptr());
  const int64_t count = size[1];
  for (int64_t i = 0; i < size[0] * count; ++i) {
    const int64_t first = i / count * units * (count + 1) + i % count + 1;
    const Motion<R> gradient = sum_of_units(of_units, first, units, count + 1);
    gradient_of_keypoint(gradient, kp_driving + 3 * i, keypoints.jacobian_of<R>(i),
                         static_cast<R*>(driving.data_ptr()) + 3 * i, static_cast<R*>(source.data_ptr()) + 3 * i,
                         jacobian.has_value() ? static_cast<R*>(jacobian->data_ptr()) + 9 * i : nullptr);
  }
  if (mask[1]) gradients.push_back(driving);
  if (mask[2]) gradients.push_back(source);
  if (mask[3]) gradients.push_back(*jacobian);
}

template void append_keypoint_gradients(const std::vector<Motion<float>>&, int64_t, const Keypoints&,
                                        const std::vector<bool>&, std::vector<Tensor>&);
template void append_keypoint_gradients(const std::vector<Motion<double>>&, int64_t, const Keypoints&,
                                        const std::vector<bool>&, std::vector<Tensor>&);

}  // namespace ptus
