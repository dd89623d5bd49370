#include "host/field_arguments.h"

namespace ptus {

void check_field(const Tensor& mask_logits, int64_t motions, const std::vector<int64_t>& size) {
  const int64_t rank = mask_logits.dim() - 2;
  STD_TORCH_CHECK((rank == 2 || rank == 3) && mask_logits.size(1) == motions,
                  "mask_logits: expected (B, K + 1, [d,] h, w)");
  STD_TORCH_CHECK(static_cast<int64_t>(size.size()) == rank, "size: expected ([D,] H, W)");
  for (int64_t i = 0; i < rank; ++i) {
    STD_TORCH_CHECK(size[i] >= 0 && size[i] < INT32_MAX && mask_logits.size(i + 2) < INT32_MAX, "size: out of range");
    STD_TORCH_CHECK(mask_logits.size(i + 2) > 0 || size[i] == 0, "mask_logits: expected at least one voxel");
  }
}

std::vector<int64_t> size_of_field(const Tensor& mask_logits, const std::vector<int64_t>& size) {
  std::vector<int64_t> of_field = {mask_logits.size(0)};
  of_field.insert(of_field.end(), size.begin(), size.end());
  of_field.push_back(static_cast<int64_t>(size.size()));
  return of_field;
}

}  // namespace ptus
