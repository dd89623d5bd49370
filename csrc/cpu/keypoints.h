#pragma once

#include <optional>
#include <vector>

#include "common/motion.h"
#include "cpu/tensor_view.h"

// Keypoints as tensors, as motions, and back as gradients: the small change of the motion ops.

namespace ptus {

struct Keypoints {
  Keypoints(const Tensor& driving, const Tensor& source, const std::optional<Tensor>& jacobian);

  Tensor driving, source;          // (B, K, 3), contiguous
  std::optional<Tensor> jacobian;  // (B, K, 3, 3)

  template <class R>
  const R* jacobian_of(int64_t i) const {
    return jacobian.has_value() ? static_cast<const R*>(jacobian->data_ptr()) + 9 * i : nullptr;
  }
};

// That a direct call of torch.ops touches no foreign memory: sizes, and the type that goes with the feature's.
void check_keypoints(const Keypoints& keypoints, const Tensor& feature);

// (B, K + 1) motions, the identity first.
template <class R>
std::vector<Motion<R>> motions_with_background(const Keypoints& keypoints) {
  const int64_t batch = keypoints.driving.size(0), count = keypoints.driving.size(1);
  const R* const driving = static_cast<const R*>(keypoints.driving.data_ptr());
  const R* const source = static_cast<const R*>(keypoints.source.data_ptr());
  std::vector<Motion<R>> motions;
  motions.reserve(batch * (count + 1));
  for (int64_t n = 0; n < batch; ++n) {
    motions.push_back({{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}});
    for (int64_t i = n * count; i < (n + 1) * count; ++i) {
      motions.push_back(motion_of_keypoint(driving + 3 * i, source + 3 * i, keypoints.jacobian_of<R>(i)));
    }
  }
  return motions;
}

// What the heatmaps of a keypoint say about it.
template <class R>
struct HeatmapGradient {
  R driving[3];
  R source[3];
};

// The gradients of all keypoints and jacobians, 0 until something is added.
template <class R>
class KeypointGradients {
 public:
  explicit KeypointGradients(const Keypoints& keypoints);

  // Adds the gradients of K + 1 motions (and heatmaps, where there are any) from each of `units` units of each sample,
  // in their order, so that the result does not depend on who computed which.
  void add(const std::vector<Motion<R>>& motions, const std::vector<HeatmapGradient<R>>& heatmaps, int64_t units);

  // Appends those of (driving, source, jacobian) that the mask (of a feature and these) asks for.
  void append(const std::vector<bool>& mask, std::vector<Tensor>& gradients) const;

 private:
  const Keypoints& keypoints_;
  Tensor driving_, source_;
  std::optional<Tensor> jacobian_;
};

}  // namespace ptus
