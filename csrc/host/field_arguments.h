#pragma once

#include <vector>

#include "host/tensor_view.h"

// The arguments of the ops that compose a motion field.

namespace ptus {

// That logits are of so many motions, and can be resized to `size`.
void check_field(const Tensor& mask_logits, int64_t motions, const std::vector<int64_t>& size);

// (B, *size, rank)
std::vector<int64_t> size_of_field(const Tensor& mask_logits, const std::vector<int64_t>& size);

}  // namespace ptus
