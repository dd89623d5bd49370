#pragma once

#include <cstdint>
#include <vector>

#include "common/elliptic_heatmap.h"
#include "host/keypoints.h"

namespace ptus {

// The heatmaps of the driving and the source keypoint, or their moments.
template <class Item>
struct OfBoth {
  Item driving, source;
};

// Those of all keypoints of all samples.
template <class R>
class EllipticHeatmaps {
 public:
  EllipticHeatmaps(const Keypoints& keypoints, const Tensor& covariance_driving, const Tensor& covariance_source);

  // Of motion k, which is not the background.
  const OfBoth<EllipticHeatmap<R>>& of(int64_t n, int64_t k) const { return heatmaps_[n * count_ + k - 1]; }

  // What moments (B, units, K + 1) say about the keypoints ...
  std::vector<HeatmapGradient<R>> keypoint_gradients(const std::vector<OfBoth<EllipticMoments<R>>>& moments,
                                                     int64_t units) const;

  // ... and about the covariances: writes both gradients (B, K, 2, 2).
  void covariance_gradients(const std::vector<OfBoth<EllipticMoments<R>>>& moments, int64_t units, R* of_driving,
                            R* of_source) const;

 private:
  int64_t count_;  // K
  std::vector<OfBoth<EllipticHeatmap<R>>> heatmaps_;
};

}  // namespace ptus
