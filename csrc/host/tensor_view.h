#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/util/BFloat16.h>
#include <torch/headeronly/util/Half.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

// What a kernel sees of a tensor: a pointer, sizes and strides (in elements). Feature volumes of rank 2 and 3 look
// alike: (N, C, D, H, W), where an image has D = 1.

namespace ptus {

using torch::headeronly::BFloat16;
using torch::headeronly::Half;
using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// The type in which numbers of type T are computed and summed.
template <class T>
struct RealOf {
  using type = float;
};
template <>
struct RealOf<double> {
  using type = double;
};
template <class T>
using Real = typename RealOf<T>::type;

template <class T>
struct Volume {
  T* data = nullptr;
  int64_t batch, channels, depth, height, width;
  int64_t stride_n, stride_c, stride_z, stride_y, stride_x;

  T* at(int64_t n, int64_t z, int64_t y) const { return data + n * stride_n + z * stride_z + y * stride_y; }
  int64_t rows() const { return batch * depth * height; }
  Volume<const T> as_const() const {
    return {data, batch, channels, depth, height, width, stride_n, stride_c, stride_z, stride_y, stride_x};
  }
};

// Whether the channels of a voxel lie side by side.
template <class T>
bool has_channels_last(const Volume<T>& volume) {
  return volume.stride_c == 1 || volume.channels == 1;
}

template <class T>
Volume<T> volume_of(const Tensor& tensor) {
  const bool flat = tensor.dim() == 4;
  const int64_t y = flat ? 2 : 3;
  return {static_cast<T*>(tensor.data_ptr()),
          tensor.size(0),
          tensor.size(1),
          flat ? 1 : tensor.size(2),
          tensor.size(y),
          tensor.size(y + 1),
          tensor.stride(0),
          tensor.stride(1),
          flat ? 0 : tensor.stride(2),
          tensor.stride(y),
          tensor.stride(y + 1)};
}

// The same view of a grid (N, [d,] h, w, rank): its channels are the coordinates x, y, (z).
template <class T>
Volume<T> grid_of(const Tensor& tensor) {
  const bool flat = tensor.dim() == 4;
  const int64_t y = flat ? 1 : 2;
  return {static_cast<T*>(tensor.data_ptr()),
          tensor.size(0),
          tensor.size(y + 2),
          flat ? 1 : tensor.size(1),
          tensor.size(y),
          tensor.size(y + 1),
          tensor.stride(0),
          tensor.stride(y + 2),
          flat ? 0 : tensor.stride(1),
          tensor.stride(y),
          tensor.stride(y + 1)};
}

// The (n, z, y) of the r-th row of a volume.
struct RowIndex {
  int64_t n, z, y;

  template <class T>
  RowIndex(int64_t r, const Volume<T>& of)
      : n(r / (of.depth * of.height)), z(r / of.height % of.depth), y(r % of.height) {}
};

// The memory-format rule, the same as ptus_kernels/memory_format.py's: channels last if the model is, else contiguous.
bool is_channels_last(const Tensor& tensor);

// An uninitialised tensor of this size, of the type, device and memory format of `like`.
Tensor empty_in_format_of(const Tensor& like, const std::vector<int64_t>& size);

// Asks for huge pages on memory that is about to be written for the first time: faulting in 4 KiB pages would cost more
// than the kernel that fills them.
void ask_for_huge_pages(void* data, int64_t bytes);

Tensor empty_contiguous(const Tensor& like, const std::vector<int64_t>& size, ScalarType type);

std::vector<int64_t> size_of(const Tensor& tensor);

// How many items a thread should take at least, if one item touches this many numbers.
inline int64_t grain_of(int64_t numbers_of_item) {
  return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, numbers_of_item));
}

// Calls kernel(T{}) with the C++ type T of the tensor's elements.
template <class F>
decltype(auto) dispatch_type(ScalarType type, F&& kernel) {
  switch (type) {
    case ScalarType::Float:
      return kernel(float{});
    case ScalarType::Double:
      return kernel(double{});
    case ScalarType::Half:
      return kernel(Half{});
    case ScalarType::BFloat16:
      return kernel(BFloat16{});
    default:
      STD_TORCH_CHECK(false, "expected float32, float64, float16 or bfloat16");
  }
}

// The same with the rank of a feature (N, C, [D,] H, W) of this type: kernel(T{}, std::integral_constant<int, rank>{}).
template <class F>
void dispatch_type_and_rank(const Tensor& feature, F&& kernel) {
  dispatch_type(feature.scalar_type(), [&](auto type) {
    if (feature.dim() == 5) {
      kernel(type, std::integral_constant<int, 3>{});
    } else {
      kernel(type, std::integral_constant<int, 2>{});
    }
  });
}

}  // namespace ptus
