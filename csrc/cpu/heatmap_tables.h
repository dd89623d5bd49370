#pragma once

#include <cstdint>
#include <vector>

#include "host/keypoints.h"

namespace ptus {

// The Gaussians of a driving and a source keypoint along one axis; a heatmap is their product over the axes.
template <class R>
struct AxisHeatmap {
  const R *driving, *source;
  const R *driving_slope, *source_slope;  // d Gaussian / d keypoint
};

// The heatmaps of all keypoints of all samples, the background's (none) first. Axes are x, y, z; an image has one
// plane, at which every Gaussian is 1.
template <class R>
class HeatmapTables {
 public:
  // Of keypoints (B, …, rank), and axes of `size` voxels. Slopes are there where the gradients are to be had.
  HeatmapTables(const Tensor& driving, const Tensor& source, const int64_t (&size)[3], double variance, bool slopes);

  // Heatmaps of a sample: one more than it has keypoints.
  int64_t maps() const { return maps_; }

  // Whether both keypoints are one: their heatmaps then cancel exactly, as the background's does.
  bool still(int64_t n, int64_t map) const { return still_[n * maps_ + map]; }

  // Axes x, y, z of a heatmap that is not the background's.
  const AxisHeatmap<R>* of(int64_t n, int64_t map) const { return axes_.data() + (n * (maps_ - 1) + map - 1) * 3; }

 private:
  int64_t maps_;
  std::vector<bool> still_;
  std::vector<R> numbers_;
  std::vector<AxisHeatmap<R>> axes_;
};

}  // namespace ptus
