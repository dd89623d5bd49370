#pragma once

#include "host/tensor_view.h"

namespace ptus {

// x (B, C, h, w), and maps (B, C, scale · h, scale · w) of its type.
void check_spade(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t scale_factor);

}  // namespace ptus
