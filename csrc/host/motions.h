#pragma once

#include <cstdint>

#include "common/motion.h"
#include "common/spline.h"

namespace ptus {

enum class MotionKind { translation, affine, spline };

// The K + 1 motions of every sample, as the loops over points see them.
template <class R, int rank>
struct Motions {
  MotionKind kind;                // of all of them: a translation is affine too, and an affine motion a spline
  int64_t count;                  // K + 1
  const Motion<R, rank>* affine;  // (B, K + 1), the background first; of splines the affine part
  const Bend<R>* bends;           // (B, K, P) of splines, otherwise null
  int64_t points;                 // P

  const Motion<R, rank>* of_sample(int64_t n) const { return affine + n * count; }

  // Of motion k of sample n, which has points_of(k) of them.
  const Bend<R>* bends_of(int64_t n, int64_t k) const { return bends + (n * (count - 1) + k - 1) * points; }
  int64_t points_of(int64_t k) const { return kind == MotionKind::spline && k > 0 ? points : 0; }
};

}  // namespace ptus
