#include "cuda/warp.h"

#include "cuda/warp_kernels.cuh"
#include "host/output_mask.h"
#include "host/sampling_arguments.h"

namespace ptus::cuda {
namespace {

template <class T>
Warp<T> call_of(const WarpArguments& of) {
  const auto points = grid_of<const Real<T>>(of.points);
  Warp<T> call = {volume_of<const T>(of.input), points, {}, {}, of.sampling};
  if (of.occlusion != nullptr) call.occlusion = {*of.occlusion, points.height, points.width, of.sigmoid};
  if (of.background != nullptr) call.background = volume_of<const T>(*of.background);
  return call;
}

// Launches a kernel, of the instances for packs and for single channels the one that fits these volumes; the first of
// them has the points that are shared out.
template <class T, class Kernel, class To, class Like, class... Others>
void launch(const Launcher& launcher, Kernel with_packs, Kernel without, bool in_chunks, const Warp<T>& call,
            const To& to, const Volume<Like>& like, const Others&... others) {
  const bool packs = has_packs_of_channels(like) && (has_packs_of_channels(others) && ...);
  const int64_t points = like.rows() * like.width, count = packs ? like.channels / kPack<T> : like.channels;
  const int lanes = like.stride_c == 1 && like.channels > 1 ? lanes_for(count) : 1;
  const Sharing sharing = in_chunks ? share_in_chunks(points, count, lanes) : share_whole_points(points, count, lanes);
  launcher.items(sharing.items(), packs ? with_packs : without, call, to, sharing, sharing.items());
}

template <class T, int rank>
void launch_forward(const Launcher& launcher, const Warp<T>& call, const Volume<T>& output) {
  launch<T>(launcher, &warp_kernel<T, rank, kPack<T>>, &warp_kernel<T, rank, 1>, true, call, output, output, call.input,
            call.background);
}

template <class T, int rank>
void launch_backward(const Launcher& launcher, const Warp<T>& call, const WarpGradients<T>& to) {
  const bool sums = to.points.data != nullptr || to.layers != nullptr;
  const Volume<const T> background = to.layers != nullptr ? call.background : Volume<const T>{};
  launch<T>(launcher, &warp_gradient_kernel<T, rank, kPack<T>>, &warp_gradient_kernel<T, rank, 1>, !sums, call, to,
            to.output, call.input, background, to.background);
}

template <class A, class B>
bool strides_agree(const Volume<A>& a, const Volume<B>& b) {
  return (a.batch == 1 || a.stride_n == b.stride_n) && (a.channels == 1 || a.stride_c == b.stride_c) &&
         (a.depth == 1 || a.stride_z == b.stride_z) && (a.height == 1 || a.stride_y == b.stride_y) &&
         (a.width == 1 || a.stride_x == b.stride_x);
}

template <class T, int rank>
void write_repeatable_input_gradient(const Launcher& launcher, Warp<T> call, const Volume<const T>& grad_output,
                                     Tensor& grad_input) {
  const int64_t points = grad_output.rows() * grad_output.width;
  // Passed through the sigmoid the map is at most 1.
  const Volume<const Real<T>> factor = call.occlusion.sigmoid ? Volume<const Real<T>>{} : call.occlusion.map;
  const FixedPointAccumulator<T> accumulator(launcher, grad_input, grad_output, factor, points / grad_output.batch);
  call.input = volume_of<const T>(grad_input);
  const Sharing sharing = share_in_chunks(points, grad_output.channels, 1);
  launcher.items(sharing.items(), warp_repeatable_scatter_kernel<T, rank>, call, grad_output, accumulator.sums(),
                 sharing, sharing.items());
  accumulator.finish(launcher);
}

template <class T, int rank>
void write_gradients(const Launcher& launcher, Warp<T> call, WarpGradients<T> to, Tensor* grad_input,
                     bool deterministic) {
  if (grad_input == nullptr) return launch_backward<T, rank>(launcher, call, to);
  const bool others = to.points.data != nullptr || to.layers != nullptr || to.background.data != nullptr;
  if (deterministic) {
    if (others) launch_backward<T, rank>(launcher, call, to);
    return write_repeatable_input_gradient<T, rank>(launcher, call, to.output, *grad_input);
  }
  const Accumulator<T> accumulator(*grad_input);
  const auto volume = volume_of<const T>(*grad_input);
  if (others && !strides_agree(volume, call.input)) {
    launch_backward<T, rank>(launcher, call, to);
    to = {to.output, nullptr, {}, nullptr, {}};
  }
  to.input = accumulator.sums();
  // What only scatters looks at the input for nothing but its strides.
  if (to.points.data == nullptr && to.layers == nullptr) call.input = volume;
  launch_backward<T, rank>(launcher, call, to);
  accumulator.finish(launcher);
}

}  // namespace

Tensor warp(int rank, const char* op, const WarpArguments& of) {
  check_warp(rank, op, of);
  const Launcher launcher({&of.input, &of.points, of.occlusion, of.background});
  Tensor output = empty_in_format_of(of.input, size_of_output(of));
  if (output.numel() == 0) return output;
  dispatch_type(of.input.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto run = rank == 2 ? &launch_forward<T, 2> : &launch_forward<T, 3>;
    run(launcher, call_of<T>(of), volume_of<T>(output));
  });
  return output;
}

std::vector<Tensor> warp_backward(int rank, const char* op, const Tensor& grad_output, const WarpArguments& of,
                                  const std::vector<bool>& mask, bool deterministic) {
  check_warp(rank, op, of);
  check_grad_output(grad_output, of.input, of.points);
  check_output_mask(mask, {true, true, of.occlusion != nullptr, of.background != nullptr});
  const Launcher launcher({&of.input, &of.points, of.occlusion, of.background, &grad_output});
  const Tensor* const arguments[4] = {&of.input, &of.points, of.occlusion, of.background};
  std::vector<Tensor> gradients;
  Tensor* asked[4] = {};
  gradients.reserve(4);
  for (int i = 0; i < 4; ++i) {
    if (!mask[i]) continue;
    const Tensor& like = *arguments[i];
    gradients.push_back(i == 0 || i == 3 ? empty_in_format_of(like, size_of(like))
                                         : empty_contiguous(like, size_of(like), like.scalar_type()));
    asked[i] = &gradients.back();
  }
  if (gradients.empty()) return gradients;
  if (grad_output.numel() == 0) {
    for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
    return gradients;
  }
  dispatch_type(of.input.scalar_type(), [&](auto type) {
    using T = decltype(type);
    using R = Real<T>;
    const Warp<T> call = call_of<T>(of);
    const auto gradient = volume_of<const T>(grad_output);
    WarpGradients<T> to = {gradient, nullptr, {}, nullptr, {}};
    if (asked[1]) to.points = grid_of<R>(*asked[1]);
    if (asked[3]) to.background = volume_of<T>(*asked[3]);
    std::optional<Tensor> layers;
    if (asked[2]) {
      layers = torch::stable::new_empty(of.points, {gradient.rows() * gradient.width});
      to.layers = static_cast<R*>(layers->data_ptr());
    }
    const auto run = rank == 2 ? &write_gradients<T, 2> : &write_gradients<T, 3>;
    run(launcher, call, to, asked[0], deterministic);
    if (asked[2]) write_map_gradient(launcher, call.occlusion, *layers, gradient.depth, *asked[2]);
  });
  return gradients;
}

}  // namespace ptus::cuda
