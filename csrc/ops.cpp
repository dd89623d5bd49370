#include <torch/csrc/stable/library.h>

#include <string>

#include "cpu/capability.h"

// Every op of the library, a line each. Kernels register themselves in cpu/<op>.cpp; fake and autograd are attached in
// ptus_kernels/registration.py.

namespace {

// An op and its backward, which returns the gradients that output_mask asks for, in the order of the op's tensors;
// bitwise repeatable where `deterministic`, as on the CPU anyway.
void define(torch::stable::detail::StableLibrary& m, const std::string& name, const std::string& arguments) {
  m.def((name + "(" + arguments + ") -> Tensor").c_str());
  m.def((name + "_backward(Tensor grad_output, " + arguments + ", bool[] output_mask, bool deterministic) -> Tensor[]")
            .c_str());
}

}  // namespace

// clang-format off
STABLE_TORCH_LIBRARY(ptus_kernels, m) {
  define(m, "grid_sample_2d", "Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners");
  define(m, "grid_sample_3d", "Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners");
  define(m, "motion_features", "Tensor feature, Tensor kp_driving, Tensor kp_source, Tensor? jacobian, Tensor? covariance_driving, Tensor? covariance_source, Tensor? background, float kp_variance, bool align_corners");
  define(m, "compose_motion", "Tensor mask_logits, Tensor kp_driving, Tensor kp_source, Tensor? jacobian, Tensor? background, SymInt[] size");
  define(m, "occlusion_blend", "Tensor foreground, Tensor occlusion, Tensor? background, bool sigmoid");
  define(m, "warp_blend", "Tensor input, Tensor deformation, Tensor? occlusion, Tensor? background, bool sigmoid, str mode, str padding_mode, bool align_corners");
  define(m, "thin_plate_spline", "Tensor kp_driving, Tensor kp_source, float regularization");
  define(m, "spline_features", "Tensor feature, Tensor kp_driving, Tensor kp_source, Tensor spline, Tensor? background, float kp_variance, bool align_corners");
  define(m, "compose_splines", "Tensor mask_logits, Tensor kp_driving, Tensor spline, Tensor? background, SymInt[] size");
  define(m, "soft_argmax_2d", "Tensor logits, float temperature");
  define(m, "soft_argmax_3d", "Tensor logits, float temperature");
  define(m, "spade_modulate", "Tensor x, Tensor gamma, Tensor beta, int scale_factor, float negative_slope, float eps");
  m.def("cpu_capability() -> str");
}
// clang-format on

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CompositeExplicitAutograd, m) {
  m.impl("cpu_capability", TORCH_BOX(&ptus::cpu_capability_name));
}
