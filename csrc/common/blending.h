#pragma once

#include "common/macros.h"

// Blending by occlusion at one point. `o` and the values are numbers, or vectors of numbers.

namespace ptus {

template <class O, class V>
PTUS_INLINE V blend(const O& o, const V& foreground, const V& background) {
  return o * foreground + (1 - o) * background;
}

// d blend / d o, times the gradient of the blend.
template <class V>
PTUS_INLINE V blend_slope(const V& gradient, const V& foreground, const V& background) {
  return gradient * (foreground - background);
}

// d sigmoid / d logit, where the sigmoid is o.
template <class V>
PTUS_INLINE V sigmoid_slope(const V& o) {
  return o * (1 - o);
}

}  // namespace ptus
