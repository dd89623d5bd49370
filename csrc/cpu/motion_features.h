#pragma once

#include "cpu/channels_last.h"
#include "cpu/elliptic_heatmaps.h"
#include "cpu/heatmap_tables.h"
#include "cpu/shift_tables.h"
#include "cpu/slab.h"
#include "host/feature_arguments.h"
#include "host/motions.h"
#include "host/tensor_view.h"

namespace ptus {

// How many planes of the feature's gradient a thread sums at a time.
inline constexpr int64_t kPlaneBlock = 8;

// In which order the channels of the output come: each motion's heatmap before its feature, or all heatmaps first.
enum class FeatureOrder { by_motion, heatmaps_first };

// One call of motion_features or spline_features, as its loops see it.
template <class T, int volume_rank>
struct MotionFeatures {
  using R = Real<T>;
  static constexpr int rank = volume_rank;

  Volume<const T> feature;  // (B, C, [D,] H, W): rows contiguous for translations, otherwise channels last
  Motions<R, rank> motions;
  const ShiftTables<R>* shifts;         // of translations, otherwise null
  const HeatmapTables<R>* tables;       // of heatmaps that are all alike round, otherwise null
  const EllipticHeatmaps<R>* elliptic;  // of heatmaps with covariances, otherwise null
  const R* xs;                          // (W), the identity grid along x
  FeatureOrder order;
  bool align_corners;

  int64_t maps() const { return 1 + (motions.count - 1) * maps_of_motion(); }
  int64_t maps_of_motion() const { return order == FeatureOrder::by_motion ? 1 : motions.points; }
  int64_t channel_of_map(int64_t map) const {
    return order == FeatureOrder::by_motion ? map * (feature.channels + 1) : map;
  }
  int64_t first_channel(int64_t k) const {
    return order == FeatureOrder::by_motion ? k * (feature.channels + 1) + 1 : maps() + k * feature.channels;
  }
};

// The gradients of motions, bends and heatmaps, one of each plane of the volume.
template <class R, int rank>
struct PlaneGradients {
  Motion<R, rank>* motions;             // (B, D, K + 1)
  Bend<R>* bends;                       // (B, D, K, P), of splines
  HeatmapGradient<R>* heatmaps;         // (B, D, maps), of tables
  OfBoth<EllipticMoments<R>>* moments;  // (B, D, maps), of covariances
  bool background;                      // whether motion 0 has a gradient
};

// W, H, D
struct AxisSizes {
  int64_t size[3];

  explicit AxisSizes(const Tensor& feature);
};

// (W), the identity grid along x.
template <class R>
std::vector<R> identity_row(const Tensor& feature) {
  const int64_t width = feature.size(feature.dim() - 1);
  std::vector<R> xs(width);
  for (int64_t x = 0; x < width; ++x) xs[x] = identity_coordinate<R>(x, width);
  return xs;
}

// Calls run(volume, n_begin, n_end) with the feature as the loops of such motions read it, for samples that cover the
// batch.
template <class T, class F>
void with_readable_feature(const Tensor& feature, MotionKind kind, const F& run) {
  if (kind != MotionKind::translation) return with_channels_last<T>(volume_of<const T>(feature), run);
  const Tensor rows = feature.stride(feature.dim() - 1) == 1 ? feature : torch::stable::contiguous(feature);
  run(volume_of<const T>(rows), int64_t{0}, feature.size(0));
}

// Writes the output for samples `first` to `last`.
template <class T, int rank>
void features(const MotionFeatures<T, rank>& call, const Volume<T>& output, int64_t first, int64_t last);

// Writes the gradients of samples `first` to `last`: of the planes where there is room for them, and of the feature
// where that has data. Rows of grad_output are contiguous for translations.
template <class T, int rank>
void features_backward(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                       const PlaneGradients<Real<T>, rank>& gradients, const Volume<T>& grad_feature, int64_t first,
                       int64_t last);

}  // namespace ptus
