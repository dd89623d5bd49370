#pragma once

#include <torch/headeronly/util/Exception.h>

#include <initializer_list>
#include <vector>

namespace ptus {

// A backward op's mask has an entry for each tensor of the op, and none is set whose tensor is not `present`.
inline void check_output_mask(const std::vector<bool>& mask, std::initializer_list<bool> present) {
  bool fits = mask.size() == present.size();
  for (size_t i = 0; fits && i < mask.size(); ++i) fits = !mask[i] || present.begin()[i];
  STD_TORCH_CHECK(fits, "output_mask: expected an entry for each tensor, set only where there is one");
}

}  // namespace ptus
