#include "host/spade_arguments.h"

#include "host/occlusion_arguments.h"

namespace ptus {

void check_spade(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t scale_factor) {
  STD_TORCH_CHECK(x.dim() == 4, "x: expected (B, C, h, w)");
  STD_TORCH_CHECK(scale_factor >= 1, "scale_factor: expected a whole number from 1 on");
  STD_TORCH_CHECK(gamma.dim() == 4 && gamma.scalar_type() == x.scalar_type(), "gamma: expected the type of x");
  for (int64_t axis = 0; axis < 4; ++axis) {
    const int64_t times = axis < 2 ? 1 : scale_factor;
    STD_TORCH_CHECK(gamma.size(axis) == x.size(axis) * times, "gamma: expected x's size times scale_factor");
  }
  check_same("beta", beta, gamma);
}

}  // namespace ptus
