#pragma once

#include <cuda_runtime.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/macros.h>

#include <initializer_list>

#include "host/tensor_view.h"

// Launching kernels on the current stream of a tensor's device. Nothing here waits for the device, so that every op can
// be captured in a CUDA graph.

namespace ptus::cuda {

inline constexpr int kThreads = 256;
// Blocks that share a multiprocessor, where kernels with many numbers say so: 128 registers for each thread. The
// compiler would spill some for one more block.
inline constexpr int kFewBlocks = 2;
inline constexpr int kWarp = 32;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Launcher {
 public:
  // Of a call with these tensors; those that are null are absent.
  explicit Launcher(std::initializer_list<const Tensor*> tensors)
      : device_((*tensors.begin())->get_device_index()), guard_(device_) {
    for (const Tensor* tensor : tensors) {
      STD_TORCH_CHECK(tensor == nullptr || (tensor->is_cuda() && tensor->get_device_index() == device_),
                      "expected all tensors on one CUDA device");
    }
    void* stream = nullptr;
    STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(device_, &stream));
    stream_ = static_cast<cudaStream_t>(stream);
  }

  // Runs a kernel with a thread for each item.
  template <class... Parameters, class... Arguments>
  void items(int64_t count, void (*kernel)(Parameters...), const Arguments&... arguments) const {
    blocks(ceil_div(count, kThreads), kernel, arguments...);
  }

  // Runs a kernel with a warp for each item.
  template <class... Parameters, class... Arguments>
  void warps(int64_t count, void (*kernel)(Parameters...), const Arguments&... arguments) const {
    items(count * kWarp, kernel, arguments...);
  }

  template <class... Parameters, class... Arguments>
  void blocks(int64_t count, void (*kernel)(Parameters...), const Arguments&... arguments) const {
    if (count == 0) return;
    STD_TORCH_CHECK(count <= INT32_MAX, "expected a smaller tensor: the launch does not fit a grid");
    kernel<<<static_cast<unsigned>(count), kThreads, 0, stream_>>>(arguments...);
    STD_CUDA_KERNEL_LAUNCH_CHECK();
  }

 private:
  int32_t device_;
  torch::stable::accelerator::DeviceGuard guard_;
  cudaStream_t stream_;
};

__device__ inline int64_t item_of_thread() {
  return static_cast<int64_t>(blockIdx.x) * kThreads + static_cast<int64_t>(threadIdx.x);
}

// Divides `index` by `size` and returns the remainder. Where both fit 32 bits, which the whole warp agrees on, that is
// several times cheaper.
__device__ inline int64_t take_remainder(int64_t& index, int64_t size) {
  if (((index | size) >> 32) == 0) {
    const uint32_t small = static_cast<uint32_t>(index), quotient = small / static_cast<uint32_t>(size);
    index = quotient;
    return small - quotient * static_cast<uint32_t>(size);
  }
  const int64_t quotient = index / size, remainder = index - quotient * size;
  index = quotient;
  return remainder;
}

}  // namespace ptus::cuda
