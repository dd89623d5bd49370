#include <optional>

#include "cpu/blend_gradients.h"
#include "cpu/resize_gradient.h"
#include "host/occlusion_arguments.h"
#include "host/output_mask.h"

#define PTUS_KERNEL_HEADER "cpu/occlusion_blend_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

void check(const Tensor& foreground, const Tensor& occlusion, const std::optional<Tensor>& background) {
  STD_TORCH_CHECK(foreground.dim() == 4 || foreground.dim() == 5, "foreground: expected 4 or 5 dimensions");
  check_occlusion(occlusion, foreground, foreground.numel() > 0);
  if (background.has_value()) check_same("background", *background, foreground);
}

template <class T>
Volume<const T> volume_or_none(const std::optional<Tensor>& tensor) {
  return tensor.has_value() ? volume_of<const T>(*tensor) : Volume<const T>{};
}

Tensor forward(const Tensor& foreground, const Tensor& occlusion, std::optional<Tensor> background, bool sigmoid) {
  check(foreground, occlusion, background);
  Tensor output = empty_in_format_of(foreground, size_of(foreground));
  if (output.numel() == 0) return output;
  dispatch_type(foreground.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto shown = volume_of<const T>(foreground);
    const auto behind = volume_or_none<T>(background);
    const auto out = volume_of<T>(output);
    const OcclusionMap<Real<T>> map(occlusion, out.height, out.width, sigmoid);
    const auto rows = is_channels_last(foreground) ? PTUS_FOR_THIS_CPU(occlusion_blend_rows<true, T>)
                                                   : PTUS_FOR_THIS_CPU(occlusion_blend_rows<false, T>);
    torch::stable::parallel_for(0, out.batch * out.height, grain_of(out.channels * out.depth * out.width),
                                [&](int64_t begin, int64_t end) { rows(shown, map, behind, out, begin, end); });
  });
  return output;
}

template <class T>
void gradients_of_rows(const BlendGradients<T>& of, const OcclusionMap<Real<T>>& map, bool channels_last) {
  const auto rows = channels_last ? PTUS_FOR_THIS_CPU(occlusion_blend_gradient_rows<true, T>)
                                  : PTUS_FOR_THIS_CPU(occlusion_blend_gradient_rows<false, T>);
  const Volume<const T>& out = of.grad_output;
  torch::stable::parallel_for(0, out.batch * out.height, grain_of(out.channels * out.depth * out.width),
                              [&](int64_t begin, int64_t end) { rows(of, map, begin, end); });
}

template <class T>
void write_gradients(BlendGradients<T> of, const OcclusionMap<Real<T>>& map, bool channels_last,
                     Tensor* grad_occlusion) {
  using R = Real<T>;
  const Volume<const T>& out = of.grad_output;
  const auto grad_map = grad_occlusion == nullptr ? Volume<R>{} : volume_of<R>(*grad_occlusion);
  if (grad_occlusion == nullptr || !map.resized()) {
    of.pixels = grad_map.data;
    return gradients_of_rows(of, map, channels_last);
  }
  const Scratch pixels(out.batch * out.height * out.width * static_cast<int64_t>(sizeof(R)));
  of.pixels = pixels.as<R>();
  gradients_of_rows(of, map, channels_last);
  resize_gradient(of.pixels, map, grad_map);
}

// The gradients asked for by output_mask, of (foreground, occlusion, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& foreground, const Tensor& occlusion,
                             std::optional<Tensor> background, bool sigmoid, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  check(foreground, occlusion, background);
  check_same("grad_output", grad_output, foreground);
  check_output_mask(output_mask, {true, true, background.has_value()});
  std::vector<Tensor> gradients;
  Tensor* asked[3] = {};
  gradients.reserve(3);
  const auto add = [&](int which, Tensor gradient) {
    gradients.push_back(std::move(gradient));
    asked[which] = &gradients.back();
  };
  if (output_mask[0]) add(0, empty_in_format_of(foreground, size_of(foreground)));
  if (output_mask[1]) add(1, empty_contiguous(occlusion, size_of(occlusion), occlusion.scalar_type()));
  if (output_mask[2]) add(2, empty_in_format_of(*background, size_of(*background)));
  if (foreground.numel() == 0) {
    for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
    return gradients;
  }
  dispatch_type(foreground.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto write_to = [&](int which) { return asked[which] ? volume_of<T>(*asked[which]) : Volume<T>{}; };
    const BlendGradients<T> of = {volume_of<const T>(grad_output),
                                  volume_of<const T>(foreground),
                                  volume_or_none<T>(background),
                                  write_to(0),
                                  write_to(2),
                                  nullptr};
    const OcclusionMap<Real<T>> map(occlusion, of.grad_output.height, of.grad_output.width, sigmoid);
    write_gradients(of, map, is_channels_last(foreground), asked[1]);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("occlusion_blend", TORCH_BOX(&forward));
  m.impl("occlusion_blend_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
