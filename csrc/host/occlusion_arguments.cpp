#include "host/occlusion_arguments.h"

#include "host/sampling_arguments.h"

namespace ptus {

void check_occlusion(const Tensor& occlusion, const Tensor& feature, bool is_read) {
  STD_TORCH_CHECK(occlusion.dim() == 4 && occlusion.size(0) == feature.size(0) && occlusion.size(1) == 1,
                  "occlusion: expected (B, 1, h, w)");
  for (int64_t axis = 2; axis < 4; ++axis) {
    STD_TORCH_CHECK(!is_read || occlusion.size(axis) > 0, "occlusion: expected at least one pixel");
    STD_TORCH_CHECK(occlusion.size(axis) <= INT32_MAX, "occlusion: expected fewer than 2^31 pixels along an axis");
  }
  check_coordinates("occlusion", occlusion, feature);
}

void check_same(const char* name, const Tensor& tensor, const Tensor& like) {
  STD_TORCH_CHECK(tensor.scalar_type() == like.scalar_type() && size_of(tensor) == size_of(like), name,
                  ": expected the size and type of the output");
}

}  // namespace ptus
