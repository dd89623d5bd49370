#pragma once

#include "cpu/shift_tables.h"
#include "cpu/slab.h"
#include "cpu/tensor_view.h"

namespace ptus {

// How many planes of the feature's gradient a thread sums at a time.
inline constexpr int64_t kPlaneBlock = 8;

// One call of motion_features, as its loops see it.
template <class T>
struct MotionFeatures {
  using R = Real<T>;

  Volume<const T> feature;       // (B, C, D, H, W): rows contiguous for translations, channels last for affine motions
  int64_t motions;               // K + 1
  const ShiftTables<R>& shifts;  // heatmaps, and the taps of translations
  const Motion<R>* affine;       // (B, K + 1), null for translations
  bool align_corners;

  int64_t channels_of_motion() const { return feature.channels + 1; }
};

// The gradients of motions and heatmaps, one of each plane of the volume.
template <class R>
struct PlaneGradients {
  Motion<R>* motions;            // (B, D, K + 1)
  HeatmapGradient<R>* heatmaps;  // (B, D, K + 1)
};

}  // namespace ptus
