#include "cpu/heatmap_tables.h"

#include <algorithm>
#include <cmath>

#include "common/heatmap.h"

namespace ptus {
namespace {

// Of voxels that follow each other, with equal steps, away from the keypoint: the ratio of two neighbouring Gaussians
// falls by the same factor at every step.
void continue_gaussian(double* g, int64_t first, int64_t last, double keypoint, double variance, int64_t size) {
  const int64_t direction = first < last ? 1 : -1;
  const double at = identity_coordinate<double>(first, size);
  const double step = identity_coordinate<double>(first + direction, size) - at;
  const double falls = std::exp(-step * step / variance);
  double ratio = std::exp(-(at - keypoint + step / 2) * step / variance);
  for (int64_t i = first; i != last; i += direction, ratio *= falls) g[i + direction] = g[i] * ratio;
}

// Computed in double, from the voxel that is nearest to the keypoint: everything else stands on them.
void fill_gaussian(double* g, double keypoint, double variance, int64_t size) {
  const double last = static_cast<double>(size - 1), position = std::nearbyint((keypoint + 1) / 2 * last);
  const int64_t nearest = static_cast<int64_t>(position > 0 ? std::min(position, last) : 0);
  g[nearest] = gaussian(identity_coordinate<double>(nearest, size), keypoint, variance);
  if (nearest < size - 1) continue_gaussian(g, nearest, size - 1, keypoint, variance, size);
  if (nearest > 0) continue_gaussian(g, nearest, 0, keypoint, variance, size);
}

}  // namespace

template <class R>
HeatmapTables<R>::HeatmapTables(const Tensor& driving, const Tensor& source, const int64_t (&size)[3], double variance,
                                bool slopes) {
  const int64_t batch = driving.size(0), rank = driving.size(driving.dim() - 1);
  const int64_t keypoints = batch > 0 ? driving.numel() / rank / batch : 0;
  maps_ = keypoints + 1;
  still_.assign(batch * maps_, true);
  axes_.resize(batch * keypoints * 3);
  const int64_t tables = slopes ? 4 : 2;
  numbers_.resize(batch * keypoints * tables * (size[0] + size[1] + size[2]));
  const R* const from = static_cast<const R*>(driving.data_ptr());
  const R* const to = static_cast<const R*>(source.data_ptr());
  R* next = numbers_.data();
  std::vector<double> g(std::max({size[0], size[1], size[2]}));
  for (int64_t i = 0; i < batch * keypoints; ++i) {
    for (int64_t a = 0; a < 3; ++a) {
      R* arrays[4] = {};
      for (int64_t table = 0; table < tables; ++table, next += size[a]) arrays[table] = next;
      const R pair[2] = {a < rank ? from[rank * i + a] : R(0), a < rank ? to[rank * i + a] : R(0)};
      if (pair[0] != pair[1]) still_[i / keypoints * maps_ + i % keypoints + 1] = false;
      for (int t = 0; t < 2; ++t) {
        fill_gaussian(g.data(), pair[t], variance, size[a]);
        for (int64_t v = 0; v < size[a]; ++v) {
          arrays[t][v] = static_cast<R>(g[v]);
          if (!slopes) continue;
          const double at = identity_coordinate<double>(v, size[a]);
          arrays[2 + t][v] = static_cast<R>(gaussian_slope<double>(g[v], at, pair[t], variance));
        }
      }
      axes_[i * 3 + a] = {arrays[0], arrays[1], arrays[2], arrays[3]};
    }
  }
}

template class HeatmapTables<float>;
template class HeatmapTables<double>;

}  // namespace ptus
