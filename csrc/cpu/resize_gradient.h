#pragma once

#include "cpu/tensor_view.h"

namespace ptus {

// The adjoint of resizing a map (batch, 1, h, w) to (height, width), by all threads: its gradient, from that of the
// resized one, a dense (batch, height, width).
template <class R>
void resize_gradient(const R* pixels, int64_t height, int64_t width, const Volume<R>& grad_map);

}  // namespace ptus
