#include "host/tensor_view.h"

#include <sys/mman.h>

namespace ptus {
namespace {

constexpr int64_t kHugePage = int64_t{1} << 21;

void prepare(const Tensor& tensor) {
  if (tensor.is_cpu()) ask_for_huge_pages(tensor.data_ptr(), tensor.numel() * tensor.element_size());
}

}  // namespace

void ask_for_huge_pages(void* data, int64_t bytes) {
#if defined(MADV_HUGEPAGE)
  const auto begin = (reinterpret_cast<uintptr_t>(data) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end = (reinterpret_cast<uintptr_t>(data) + bytes) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

bool is_channels_last(const Tensor& tensor) {
  return !tensor.is_contiguous() && tensor.size(1) > 1 && tensor.stride(1) == 1;
}

Tensor empty_in_format_of(const Tensor& like, const std::vector<int64_t>& size) {
  using torch::headeronly::MemoryFormat;
  if (!is_channels_last(like)) return empty_contiguous(like, size, like.scalar_type());
  const auto format = size.size() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
  Tensor tensor = torch::stable::empty(size, like.scalar_type(), std::nullopt, like.device(), std::nullopt, format);
  prepare(tensor);
  return tensor;
}

Tensor empty_contiguous(const Tensor& like, const std::vector<int64_t>& size, ScalarType type) {
  Tensor tensor = torch::stable::new_empty(like, size, type);
  prepare(tensor);
  return tensor;
}

std::vector<int64_t> size_of(const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  return {sizes.begin(), sizes.end()};
}

}  // namespace ptus
