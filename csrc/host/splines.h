#pragma once

#include <optional>
#include <vector>

#include "host/keypoints.h"
#include "host/motions.h"

// Thin-plate splines as tensors, as motions, and back as gradients.

namespace ptus {

struct Splines {
  Splines(const Tensor& kp_driving, const Tensor& spline, const std::optional<Tensor>& background);

  Tensor driving;                    // control points (B, K, P, 2), contiguous
  Tensor spline;                     // (B, K, P + 3, 2)
  std::optional<Tensor> background;  // (B, 2, 3)

  int64_t count() const { return driving.size(1); }
  int64_t points() const { return driving.size(2); }
};

// That a direct call of torch.ops touches no foreign memory: sizes, and the type that goes with the feature's.
void check_splines(const Splines& splines, const Tensor& feature);

// The motions of splines, and the arrays that they point to.
template <class R>
class SplineMotions {
 public:
  explicit SplineMotions(const Splines& splines);

  Motions<R, 2> motions() const { return {MotionKind::spline, count_ + 1, affine_.data(), bends_.data(), points_}; }

 private:
  int64_t count_, points_;
  std::vector<Motion<R, 2>> affine_;  // (B, K + 1), the background first
  std::vector<Bend<R>> bends_;        // (B, K, P)
};

// The gradients of splines from those of their motions (B, units, K + 1) and bends (B, units, K, P).
template <class R>
struct SplineGradients {
  Tensor driving, spline;
  std::optional<Tensor> background;

  // All 0.
  explicit SplineGradients(const Splines& splines);

  void add(const Splines& splines, const std::vector<Motion<R, 2>>& motions, const std::vector<Bend<R>>& bends,
           int64_t units);
};

}  // namespace ptus
