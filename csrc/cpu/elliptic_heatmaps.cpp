#include "cpu/elliptic_heatmaps.h"

namespace ptus {

template <class R>
EllipticHeatmaps<R>::EllipticHeatmaps(const Keypoints& keypoints, const Tensor& covariance_driving,
                                      const Tensor& covariance_source)
    : count_(keypoints.count()) {
  const Tensor covariances[2] = {torch::stable::contiguous(covariance_driving),
                                 torch::stable::contiguous(covariance_source)};
  const R* const driving = static_cast<const R*>(keypoints.driving.data_ptr());
  const R* const source = static_cast<const R*>(keypoints.source.data_ptr());
  heatmaps_.reserve(keypoints.driving.size(0) * count_);
  for (int64_t i = 0; i < keypoints.driving.size(0) * count_; ++i) {
    heatmaps_.push_back({elliptic_heatmap(driving + 2 * i, static_cast<const R*>(covariances[0].data_ptr()) + 4 * i),
                         elliptic_heatmap(source + 2 * i, static_cast<const R*>(covariances[1].data_ptr()) + 4 * i)});
  }
}

template <class R>
std::vector<HeatmapGradient<R>> EllipticHeatmaps<R>::keypoint_gradients(
    const std::vector<OfBoth<EllipticMoments<R>>>& moments, int64_t units) const {
  std::vector<HeatmapGradient<R>> gradients(moments.size());
  for (int64_t i = 0; i < static_cast<int64_t>(moments.size()); ++i) {
    const int64_t k = i % (count_ + 1), n = i / (count_ + 1) / units;
    if (k == 0) continue;
    const OfBoth<EllipticHeatmap<R>>& heatmaps = of(n, k);
    gradient_of_mean(heatmaps.driving, moments[i].driving, R(1), gradients[i].driving);
    gradient_of_mean(heatmaps.source, moments[i].source, R(-1), gradients[i].source);
  }
  return gradients;
}

template <class R>
void EllipticHeatmaps<R>::covariance_gradients(const std::vector<OfBoth<EllipticMoments<R>>>& moments, int64_t units,
                                               R* of_driving, R* of_source) const {
  for (int64_t i = 0; i < static_cast<int64_t>(heatmaps_.size()); ++i) {
    const int64_t n = i / count_, k = i % count_ + 1;
    double sums[2][3] = {};
    for (int64_t unit = n * units; unit < (n + 1) * units; ++unit) {
      const OfBoth<EllipticMoments<R>>& of_unit = moments[unit * (count_ + 1) + k];
      for (int a = 0; a < 3; ++a) {
        sums[0][a] += of_unit.driving.second[a];
        sums[1][a] += of_unit.source.second[a];
      }
    }
    EllipticMoments<R> total[2] = {};
    for (int t = 0; t < 2; ++t) {
      for (int a = 0; a < 3; ++a) total[t].second[a] = static_cast<R>(sums[t][a]);
    }
    gradient_of_covariance(heatmaps_[i].driving, total[0], R(1), of_driving + 4 * i);
    gradient_of_covariance(heatmaps_[i].source, total[1], R(-1), of_source + 4 * i);
  }
}

template class EllipticHeatmaps<float>;
template class EllipticHeatmaps<double>;

}  // namespace ptus
