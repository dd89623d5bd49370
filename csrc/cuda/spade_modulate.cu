#include <optional>
#include <type_traits>

#include "cuda/spade_modulate_kernels.cuh"
#include "host/occlusion_arguments.h"
#include "host/output_mask.h"
#include "host/spade_arguments.h"

namespace ptus::cuda {
namespace {

template <class T>
SpadeModulate<T> call_of(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t scale, double negative_slope,
                         double eps) {
  return {volume_of<const T>(x),
          volume_of<const T>(gamma),
          volume_of<const T>(beta),
          scale,
          static_cast<Real<T>>(negative_slope),
          static_cast<Real<T>>(eps),
          !is_channels_last(x)};
}

// An uninitialised array of structs that are made of numbers of type R.
template <class Item, class R>
Tensor empty_items(const Tensor& like, int64_t count) {
  const auto type = std::is_same_v<R, double> ? ScalarType::Double : ScalarType::Float;
  return torch::stable::new_empty(like, {count * static_cast<int64_t>(sizeof(Item) / sizeof(R))}, type);
}

// The statistics of every channel of x.
template <class T>
Tensor find_statistics(const Launcher& launcher, const SpadeModulate<T>& call, const Blocks& blocks, const Tensor& x) {
  using R = Real<T>;
  const Tensor chunks = empty_items<Moments<R>, R>(x, call.channels() * blocks.chunks);
  Tensor channels = empty_items<Normalisation<R>, R>(x, call.channels());
  auto* const moments = static_cast<Moments<R>*>(chunks.data_ptr());
  launcher.blocks(blocks.count(call.x.batch), spade_moments_kernel<T>, call, blocks, moments);
  launcher.items(call.channels(), spade_statistics_kernel<T>, call, blocks.chunks, moments,
                 static_cast<Normalisation<R>*>(channels.data_ptr()));
  return channels;
}

// Whether outputs are written in packs, which the inputs then are read in; not x, if pixels of it are repeated in them.
template <class T>
bool has_packs(const SpadeModulate<T>& call, const Volume<T>& output) {
  if (call.along_x) {
    return has_packs_of_pixels(output) && has_packs_of_pixels(call.gamma) && has_packs_of_pixels(call.beta) &&
           (call.scale > 1 || has_packs_of_pixels(call.x));
  }
  return has_packs_of_channels(output) && has_packs_of_channels(call.gamma) && has_packs_of_channels(call.beta) &&
         has_packs_of_channels(call.x);
}

Tensor forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t scale_factor, double negative_slope,
               double eps) {
  check_spade(x, gamma, beta, scale_factor);
  const Launcher launcher({&x, &gamma, &beta});
  Tensor output = empty_in_format_of(x, size_of(gamma));
  if (output.numel() == 0) return output;
  dispatch_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto call = call_of<T>(x, gamma, beta, scale_factor, negative_slope, eps);
    const auto to = volume_of<T>(output);
    const Tensor statistics = find_statistics(launcher, call, Blocks(call), x);
    const bool packs = has_packs(call, to);
    const int64_t count = output.numel() / (packs ? kPack<T> : 1);
    launcher.items(count, packs ? &spade_modulate_kernel<T, kPack<T>> : &spade_modulate_kernel<T, 1>, call,
                   static_cast<const Normalisation<Real<T>>*>(statistics.data_ptr()), to, count);
  });
  return output;
}

template <class T>
void write_gradients(const Launcher& launcher, const SpadeModulate<T>& call, SpadeGradients<T> to, const Tensor& x) {
  using R = Real<T>;
  const Blocks blocks(call);
  const bool wants_x = to.x.data != nullptr;
  const Tensor statistics = find_statistics(launcher, call, blocks, x);
  const auto* const of_channels = static_cast<const Normalisation<R>*>(statistics.data_ptr());
  std::optional<Tensor> passed, chunk_sums, channel_means;
  PassedSums<R>*of_chunks = nullptr, *means = nullptr;
  if (wants_x) {
    chunk_sums = empty_items<PassedSums<R>, R>(x, call.channels() * blocks.chunks);
    channel_means = empty_items<PassedSums<R>, R>(x, call.channels());
    of_chunks = static_cast<PassedSums<R>*>(chunk_sums->data_ptr());
    means = static_cast<PassedSums<R>*>(channel_means->data_ptr());
    if constexpr (std::is_same_v<T, R>) {
      to.passed = to.x.data;
    } else {
      passed = empty_items<R, R>(x, x.numel());
      to.passed = static_cast<R*>(passed->data_ptr());
    }
  }
  launcher.blocks(blocks.count(call.x.batch), spade_gradient_kernel<T>, call, blocks, of_channels, to, of_chunks);
  if (!wants_x) return;
  launcher.items(call.channels(), spade_means_kernel<T>, call, blocks.chunks,
                 static_cast<const PassedSums<R>*>(of_chunks), means);
  launcher.items(x.numel(), spade_input_gradient_kernel<T>, call, of_channels, static_cast<const PassedSums<R>*>(means),
                 to, x.numel());
}

// The gradients asked for by output_mask, of (x, gamma, beta).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                             int64_t scale_factor, double negative_slope, double eps, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  check_spade(x, gamma, beta, scale_factor);
  check_same("grad_output", grad_output, gamma);
  check_output_mask(output_mask, {true, true, true});
  const Launcher launcher({&x, &gamma, &beta, &grad_output});
  std::vector<Tensor> gradients;
  Tensor* asked[3] = {};
  const Tensor* const inputs[3] = {&x, &gamma, &beta};
  gradients.reserve(3);
  for (int i = 0; i < 3; ++i) {
    if (!output_mask[i]) continue;
    gradients.push_back(empty_in_format_of(*inputs[i], size_of(*inputs[i])));
    asked[i] = &gradients.back();
  }
  if (x.numel() == 0 || gradients.empty()) return gradients;
  dispatch_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto write_to = [&](int which) { return asked[which] ? volume_of<T>(*asked[which]) : Volume<T>{}; };
    const SpadeGradients<T> to = {volume_of<const T>(grad_output), write_to(0), write_to(1), write_to(2), nullptr};
    write_gradients(launcher, call_of<T>(x, gamma, beta, scale_factor, negative_slope, eps), to, x);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("spade_modulate", TORCH_BOX(&forward));
  m.impl("spade_modulate_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
