#pragma once

#include <optional>

#include "host/keypoints.h"

// The arguments of the ops that warp a feature by each motion.

namespace ptus {

// That the sizes of a feature (B, C, [D,] H, W) fit what the loops count with.
void check_feature(const Tensor& feature);

// The covariances of the heatmaps: both or neither.
struct Covariances {
  const std::optional<Tensor>&driving, &source;

  bool present() const { return driving.has_value(); }
};

void check_covariances(const Covariances& covariances, const Keypoints& keypoints, const Tensor& feature);

// (B, maps + (K + 1) C, [D,] H, W)
std::vector<int64_t> size_of_features(const Tensor& feature, int64_t motions, int64_t maps);

}  // namespace ptus
