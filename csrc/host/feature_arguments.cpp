#include "host/feature_arguments.h"

namespace ptus {

void check_feature(const Tensor& feature) {
  STD_TORCH_CHECK(feature.dim() == 4 || feature.dim() == 5, "feature: expected (B, C, [D,] H, W)");
  for (int64_t i = 2; i < feature.dim(); ++i) {
    STD_TORCH_CHECK(feature.size(i) < INT32_MAX / 4, "feature: too large along an axis");
  }
}

void check_covariances(const Covariances& covariances, const Keypoints& keypoints, const Tensor& feature) {
  STD_TORCH_CHECK(covariances.driving.has_value() == covariances.source.has_value(),
                  "covariance_driving, covariance_source: expected both or neither");
  for (const std::optional<Tensor>* covariance : {&covariances.driving, &covariances.source}) {
    STD_TORCH_CHECK(!covariance->has_value() ||
                        (keypoints.rank() == 2 && (*covariance)->scalar_type() == type_of_coordinates(feature) &&
                         size_of(**covariance) == std::vector<int64_t>({feature.size(0), keypoints.count(), 2, 2})),
                    "covariance_driving, covariance_source: expected (B, K, 2, 2) in the type of coordinates");
  }
}

std::vector<int64_t> size_of_features(const Tensor& feature, int64_t motions, int64_t maps) {
  std::vector<int64_t> size = size_of(feature);
  size[1] = maps + motions * size[1];
  return size;
}

}  // namespace ptus
