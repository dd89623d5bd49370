#pragma once

#include "cpu/occlusion_map.h"

namespace ptus {

// The adjoint of resizing an occlusion map, by all threads: the gradient of the map from that of the resized one, a
// dense (batch, height, width).
template <class R>
void resize_gradient(const R* pixels, const OcclusionMap<R>& occlusion, const Volume<R>& grad_map);

}  // namespace ptus
