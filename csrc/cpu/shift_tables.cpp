#include "cpu/shift_tables.h"

#include <algorithm>
#include <cmath>

#include "common/coordinates.h"

namespace ptus {
namespace {

// Weights and slopes of one axis, computed in double: there are few, and everything else stands on them.
template <class R>
int32_t fill_taps(double displacement, int64_t size, bool align_corners, R* const (&weight)[3], R* const (&slope)[3]) {
  const Axis<double> axis(size, align_corners);
  if (!std::isfinite(displacement)) return 0;
  const auto position = [&](int64_t i) {
    return (identity_coordinate<double>(i, size) + displacement + 1) * axis.scale + axis.shift;
  };
  const double reach = static_cast<double>(size) + 4;
  const auto offset = static_cast<int64_t>(std::floor(std::clamp(position(0), -reach, reach)));
  for (int64_t i = 0; i < size; ++i) {
    const double at = std::clamp(position(i), -2 * reach, 2 * reach);
    // Rounding may put a point that lies on a voxel on either side of it; the three taps then decide.
    const int64_t first = std::clamp(static_cast<int64_t>(std::floor(at)), i + offset, i + offset + 1);
    const double fraction = at - static_cast<double>(first);
    for (int64_t t = 0; t < 2; ++t) {
      const int64_t voxel = first + t;
      if (voxel < 0 || voxel >= size) continue;
      weight[voxel - i - offset][i] = static_cast<R>(t == 0 ? 1 - fraction : fraction);
      slope[voxel - i - offset][i] = static_cast<R>(t == 0 ? -axis.scale : axis.scale);
    }
  }
  return static_cast<int32_t>(offset);
}

}  // namespace

template <class R>
ShiftTables<R>::ShiftTables(const Keypoints& keypoints, const int64_t (&size)[3], bool align_corners)
    : motions_(keypoints.driving.size(1) + 1) {
  const int64_t batch = keypoints.driving.size(0), count = motions_ - 1, rank = keypoints.rank();
  int64_t of_motion = 0;
  for (int64_t n : size) of_motion += 6 * (n + 2 * shift_padding(n));
  numbers_.assign(batch * motions_ * of_motion, R(0));
  shifts_.resize(batch * motions_ * 3);
  const R* const driving = static_cast<const R*>(keypoints.driving.data_ptr());
  const R* const source = static_cast<const R*>(keypoints.source.data_ptr());
  R* next = numbers_.data();
  for (int64_t i = 0; i < batch * motions_; ++i) {
    const int64_t k = i % motions_ - 1, keypoint = i / motions_ * count + k;
    for (int a = 0; a < 3; ++a) {
      R* arrays[6];
      for (R*& array : arrays) {
        array = next + shift_padding(size[a]);
        next += size[a] + 2 * shift_padding(size[a]);
      }
      double displacement = 0;
      if (k >= 0 && a < rank) {
        const double from = driving[rank * keypoint + a], to = source[rank * keypoint + a];
        displacement = to - from;
      }
      R* const weight[3] = {arrays[0], arrays[1], arrays[2]};
      R* const slope[3] = {arrays[3], arrays[4], arrays[5]};
      const int32_t offset = fill_taps(displacement, size[a], align_corners, weight, slope);
      shifts_[i * 3 + a] = {offset, {weight[0], weight[1], weight[2]}, {slope[0], slope[1], slope[2]}};
    }
  }
}

template class ShiftTables<float>;
template class ShiftTables<double>;

}  // namespace ptus
