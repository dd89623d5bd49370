#pragma once

#include "host/tensor_view.h"

namespace ptus {

// The features of occlusion_blend's backward pass; one without data is absent, or not asked for. `pixels` is the
// gradient of the resized map, a dense (batch, height, width).
template <class T>
struct BlendGradients {
  Volume<const T> grad_output, foreground, background;
  Volume<T> grad_foreground, grad_background;
  Real<T>* pixels;
};

}  // namespace ptus
