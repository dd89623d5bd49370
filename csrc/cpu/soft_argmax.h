#pragma once

#include "common/motion.h"
#include "host/tensor_view.h"

namespace ptus {

// Keypoints treated together where their logits do not lie side by side along x: enough for whole cache lines.
inline constexpr int64_t kKeypointBlock = 16;

// One call of soft_argmax, as its loops see it: the logits, 1 / temperature, and the identity grid along x and y.
template <class T>
struct SoftArgmax {
  Volume<const T> logits;
  Real<T> scale;
  const Real<T>* xs;
  const Real<T>* ys;

  bool in_place() const { return logits.stride_x == 1; }
  int64_t keypoints_of_unit() const { return in_place() ? 1 : kKeypointBlock; }
  int64_t blocks() const { return (logits.channels + keypoints_of_unit() - 1) / keypoints_of_unit(); }
  int64_t units() const { return logits.batch * logits.depth * blocks(); }
};

// Plane z of keypoints `first` to `first + count` of sample n.
struct SoftArgmaxUnit {
  int64_t n, z, first, count;

  template <class T>
  SoftArgmaxUnit(const SoftArgmax<T>& of, int64_t unit)
      : n(unit / of.blocks() / of.logits.depth),
        z(unit / of.blocks() % of.logits.depth),
        first(unit % of.blocks() * of.keypoints_of_unit()),
        count(std::min(of.keypoints_of_unit(), of.logits.channels - first)) {}
};

// Sums over one plane, of e = exp((logit - highest) · scale), e · x and e · y.
template <class R>
struct PlaneSums {
  R highest;
  double weight, x, y;
};

// A number in two parts, so that little is lost when it is subtracted from one close by.
template <class R>
struct Rounded {
  R value, rest;

  Rounded(double number = 0)
      : value(static_cast<R>(number)), rest(static_cast<R>(number - static_cast<double>(value))) {}
};

// Where a keypoint's softmax has its highest logit and its mean, and its gradient, divided by the temperature and the
// sum of e over the volume.
template <class R>
struct KeypointSlope {
  R highest, gradient[3];
  Rounded<R> mean[3];
};

}  // namespace ptus
