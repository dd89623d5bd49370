#include "cpu/heatmap_tables.h"

#include "common/heatmap.h"

namespace ptus {
namespace {

// Computed in double: there are few, and everything else stands on them. `slope` may be null.
template <class R>
void fill_gaussian(double keypoint, double variance, int64_t size, R* value, R* slope) {
  for (int64_t i = 0; i < size; ++i) {
    const double at = identity_coordinate<double>(i, size);
    const double g = gaussian(at, keypoint, variance);
    value[i] = static_cast<R>(g);
    if (slope != nullptr) slope[i] = static_cast<R>(gaussian_slope(g, at, keypoint, variance));
  }
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
  for (int64_t i = 0; i < batch * keypoints; ++i) {
    for (int64_t a = 0; a < 3; ++a) {
      R* arrays[4] = {};
      for (int64_t table = 0; table < tables; ++table, next += size[a]) arrays[table] = next;
      const R pair[2] = {a < rank ? from[rank * i + a] : R(0), a < rank ? to[rank * i + a] : R(0)};
      if (pair[0] != pair[1]) still_[i / keypoints * maps_ + i % keypoints + 1] = false;
      for (int t = 0; t < 2; ++t) fill_gaussian<R>(pair[t], variance, size[a], arrays[t], arrays[2 + t]);
      axes_[i * 3 + a] = {arrays[0], arrays[1], arrays[2], arrays[3]};
    }
  }
}

template class HeatmapTables<float>;
template class HeatmapTables<double>;

}  // namespace ptus
