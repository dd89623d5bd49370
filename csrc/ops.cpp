#include <torch/csrc/stable/library.h>

#include "cpu/capability.h"

// Every op of the library, a line each. `<op>_backward` returns the gradients that its output_mask asks for, in the
// order of the op's tensors. Kernels register themselves in cpu/<op>.cpp; fake, autograd and autocast are attached in
// ptus_kernels/registration.py.
STABLE_TORCH_LIBRARY(ptus_kernels, m) {
  m.def("grid_sample_2d(Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners) -> Tensor");
  m.def(
      "grid_sample_2d_backward(Tensor grad_output, Tensor input, Tensor grid, str mode, str padding_mode, bool "
      "align_corners, bool[] output_mask) -> Tensor[]");
  m.def("grid_sample_3d(Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners) -> Tensor");
  m.def(
      "grid_sample_3d_backward(Tensor grad_output, Tensor input, Tensor grid, str mode, str padding_mode, bool "
      "align_corners, bool[] output_mask) -> Tensor[]");
  m.def("cpu_capability() -> str");
}

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CompositeExplicitAutograd, m) {
  m.impl("cpu_capability", TORCH_BOX(&ptus::cpu_capability_name));
}
