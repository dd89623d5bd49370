#pragma once

#include <optional>
#include <vector>

#include "common/motion.h"
#include "host/tensor_view.h"

// Keypoints as tensors, as motions, and back as gradients: the small change of the motion ops.

namespace ptus {

struct Keypoints {
  Keypoints(const Tensor& driving, const Tensor& source, const std::optional<Tensor>& jacobian,
            const std::optional<Tensor>& background);

  Tensor driving, source;            // (B, K, rank), contiguous
  std::optional<Tensor> jacobian;    // (B, K, rank, rank)
  std::optional<Tensor> background;  // (B, rank, rank + 1)

  int64_t rank() const { return driving.size(2); }
  int64_t count() const { return driving.size(1); }

  // Whether some motion is more than a translation.
  bool affine() const { return jacobian.has_value() || background.has_value(); }

  template <class R>
  const R* jacobian_of(int64_t i) const {
    return jacobian.has_value() ? static_cast<const R*>(jacobian->data_ptr()) + rank() * rank() * i : nullptr;
  }

  template <class R>
  const R* background_of(int64_t n) const {
    const int64_t numbers = rank() * (rank() + 1);
    return background.has_value() ? static_cast<const R*>(background->data_ptr()) + numbers * n : nullptr;
  }
};

// The type of coordinates beside a feature.
ScalarType type_of_coordinates(const Tensor& feature);

// That a direct call of torch.ops touches no foreign memory: sizes, and the type that goes with the feature's.
void check_keypoints(const Keypoints& keypoints, const Tensor& feature);

// The same of a background's motion, if there is one.
void check_background(const std::optional<Tensor>& background, int64_t rank, const Tensor& feature);

// (B, K + 1) motions, the background first.
template <class R, int rank>
std::vector<Motion<R, rank>> motions_of(const Keypoints& keypoints) {
  const int64_t batch = keypoints.driving.size(0), count = keypoints.count();
  const R* const driving = static_cast<const R*>(keypoints.driving.data_ptr());
  const R* const source = static_cast<const R*>(keypoints.source.data_ptr());
  std::vector<Motion<R, rank>> motions;
  motions.reserve(batch * (count + 1));
  for (int64_t n = 0; n < batch; ++n) {
    motions.push_back(motion_of_background<rank>(keypoints.background_of<R>(n)));
    for (int64_t i = n * count; i < (n + 1) * count; ++i) {
      motions.push_back(motion_of_keypoint<rank>(driving + rank * i, source + rank * i, keypoints.jacobian_of<R>(i)));
    }
  }
  return motions;
}

// Sums the gradients of motion k of sample n over units (B, units, K + 1); in double, since their number grows with the
// volume, and in their order, so that the result does not depend on who computed which.
template <class R, int rank>
Motion<R, rank> sum_of_units(const std::vector<Motion<R, rank>>& of_units, int64_t n, int64_t k, int64_t units,
                             int64_t motions);

// The gradient of a background (B, rank, rank + 1) from that of motion 0.
template <class R, int rank>
Tensor gradient_of_background(const Tensor& background, const std::vector<Motion<R, rank>>& of_units, int64_t units,
                              int64_t motions);

// What the heatmaps of a keypoint say about it.
template <class R>
struct HeatmapGradient {
  R driving[3];
  R source[3];
};

// The gradients of all keypoints and jacobians, 0 until something is added.
template <class R, int rank>
class KeypointGradients {
 public:
  explicit KeypointGradients(const Keypoints& keypoints);

  // Adds the gradients of K + 1 motions (and heatmaps, where there are any) from each of `units` units of each sample.
  void add(const std::vector<Motion<R, rank>>& motions, const std::vector<HeatmapGradient<R>>& heatmaps, int64_t units);

  // Appends those of (driving, source, jacobian) that the mask (of a feature, these, and more) asks for.
  void append(const std::vector<bool>& mask, std::vector<Tensor>& gradients) const;

  Tensor background() const { return *background_; }

 private:
  const Keypoints& keypoints_;
  Tensor driving_, source_;
  std::optional<Tensor> jacobian_, background_;
};

}  // namespace ptus
