#pragma once

#include <cstdint>
#include <vector>

#include "host/keypoints.h"

namespace ptus {

// Without jacobian a keypoint moves every voxel alike, so each axis can be tabulated. Reading the shifted volume at
// voxel i takes the three voxels i + offset + t, t = 0, 1, 2 (two of them count at any i; the step of the published
// sampler, n / (n - 1) voxels, skips one once along the axis). Weights of voxels that are not there are 0; the arrays
// are followed and preceded by zeros, as far as any shifted index can reach.
template <class R>
struct AxisShift {
  int32_t offset;
  const R* weight[3];
  const R* slope[3];  // d weight / d keypoint displacement
};

// How far beyond both ends of an axis of n voxels shifted indices may reach, with room for a vector.
inline int64_t shift_padding(int64_t n) { return n + 24; }

// The tables of all keypoints of all samples, the background (no shift) first. An image is a volume of one plane.
template <class R>
class ShiftTables {
 public:
  ShiftTables(const Keypoints& keypoints, const int64_t (&size)[3], bool align_corners);

  // Axes x, y, z of motion k of sample n.
  const AxisShift<R>* of(int64_t n, int64_t k) const { return shifts_.data() + (n * motions_ + k) * 3; }

 private:
  int64_t motions_;
  std::vector<R> numbers_;
  std::vector<AxisShift<R>> shifts_;
};

}  // namespace ptus
