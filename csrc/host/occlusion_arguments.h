#pragma once

#include "host/tensor_view.h"

// The arguments of a blending op as they come from the dispatcher; see sampling_arguments.h.

namespace ptus {

// An occlusion map (B, 1, h, w) of coordinate type for this feature; not empty where it is read.
void check_occlusion(const Tensor& occlusion, const Tensor& feature, bool is_read);

// The size and type of another tensor.
void check_same(const char* name, const Tensor& tensor, const Tensor& like);

}  // namespace ptus
