#include "cpu/warp.h"

#include <optional>

#include "cpu/channels_last.h"
#include "cpu/resize_gradient.h"
#include "host/output_mask.h"
#include "host/sampling_arguments.h"

#define PTUS_KERNEL_HEADER "cpu/warp_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

// A call, and the tables that it points to.
template <class T>
struct Prepared {
  std::optional<OcclusionMap<Real<T>>> occlusion;
  Warp<T> call;

  explicit Prepared(const WarpArguments& of)
      : call{volume_of<const T>(of.input), grid_of<const Real<T>>(of.points), nullptr,
             of.background == nullptr ? Volume<const T>{} : volume_of<const T>(*of.background), of.sampling} {
    if (of.occlusion == nullptr) return;
    occlusion.emplace(*of.occlusion, call.points.height, call.points.width, of.sigmoid);
    call.occlusion = &*occlusion;
  }

  Warp<T> with_input(const Volume<const T>& input) const {
    Warp<T> changed = call;
    changed.input = input;
    return changed;
  }
};

template <class T>
Volume<T> channels_of(Volume<T> volume, int64_t begin, int64_t end) {
  if (volume.data != nullptr) volume.data += begin * volume.stride_c;
  volume.channels = end - begin;
  return volume;
}

// Whether there are so few points for a sample that its voxels are better copied as they are read, one by one, than all
// of them before: then each takes some times as long.
template <class T, int rank>
bool few_points(const Warp<T>& of) {
  constexpr int64_t corners = 1 << rank, cost_of_one = 4;
  const int64_t points = of.points.rows() * of.points.width / std::max<int64_t>(1, different_samples(of.input));
  return corners * cost_of_one * points <= of.input.depth * of.input.height * of.input.width;
}

// Calls run(volume, n_begin, n_end) as `with_channels_last` does, or once for the input as it is.
template <class T, int rank, class F>
void with_input_to_sample(const Warp<T>& of, const F& run) {
  if (few_points<T, rank>(of)) return run(of.input, int64_t{0}, of.input.batch);
  with_channels_last<T>(of.input, run);
}

template <class T, int rank>
void warp_at_once(const Prepared<T>& of, const Volume<T>& output) {
  const auto rows = PTUS_FOR_THIS_CPU(warp_rows<T, rank>);
  with_input_to_sample<T, rank>(of.call, [&](const Volume<const T>& input, int64_t first, int64_t last) {
    const Warp<T> call = of.with_input(input);
    const int64_t per_sample = output.depth * output.height;
    torch::stable::parallel_for(first * per_sample, last * per_sample, grain_of(output.width * output.channels),
                                [&](int64_t begin, int64_t end) { rows(call, output, begin, end); });
  });
}

template <class T>
int64_t blocks_of(const Volume<T>& volume, int64_t channels) {
  return (volume.channels + channels - 1) / channels;
}

// How many channels a thread copies to a channels-last volume at a time that stays in its second-level cache, from
// which they are then sampled. 0 where that cache is too small, where there are not enough such blocks for all threads,
// and where the input is not copied at all.
template <class T, int rank>
int64_t channels_that_stay(const Warp<T>& of) {
  const Volume<const T>& input = of.input;
  constexpr int64_t bytes = int64_t{512} << 10, multiple = 16;  // a whole vector of any type
  const int64_t voxels = std::max<int64_t>(1, input.depth * input.height * input.width);
  const int64_t block = bytes / (voxels * static_cast<int64_t>(sizeof(T))) / multiple * multiple;
  if (has_channels_last(input) || few_points<T, rank>(of)) return 0;
  if (block == 0 || block >= input.channels) return 0;
  const int64_t blocks = different_samples(input) * blocks_of(input, block);
  return blocks >= static_cast<int64_t>(torch::stable::get_num_threads()) ? block : 0;
}

// Each thread takes some blocks of channels, and all points.
template <class T, int rank>
void warp_in_blocks(const Prepared<T>& of, const Volume<T>& output, int64_t block) {
  const auto rows = PTUS_FOR_THIS_CPU(warp_rows<T, rank>);
  const Volume<const T>& input = of.call.input;
  const int64_t blocks = blocks_of(input, block), per_sample = output.depth * output.height;
  torch::stable::parallel_for(0, different_samples(input) * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / blocks, from = i % blocks * block, to = std::min(from + block, input.channels);
      const int64_t n_end = input.stride_n == 0 ? input.batch : n + 1;
      with_packed_sample<T>(channels_of(input, from, to), n, [&](const Volume<const T>& packed) {
        Warp<T> call = of.with_input(packed);
        call.background = channels_of(call.background, from, to);
        rows(call, channels_of(output, from, to), n * per_sample, n_end * per_sample);
      });
    }
  });
}

template <class T, int rank>
void write_input_gradient(const Warp<T>& of, const Volume<const T>& grad_output, const Volume<T>& grad_input) {
  std::vector<TileBounds> bounds(of.points.rows() * tiles_of(of.points.width));
  const auto bounds_rows = PTUS_FOR_THIS_CPU(warp_bounds_rows<T, rank>);
  torch::stable::parallel_for(0, of.points.rows(), grain_of(of.points.width),
                              [&](int64_t begin, int64_t end) { bounds_rows(of, bounds.data(), begin, end); });
  const Slabs slabs(grad_input.batch, grad_input.depth, grad_input.height, grad_input.width,
                    grad_input.channels * sizeof(Real<T>));
  const auto rows_of_slabs = PTUS_FOR_THIS_CPU(warp_input_gradient_slabs<T, rank>);
  torch::stable::parallel_for(0, slabs.count(), 1, [&](int64_t begin, int64_t end) {
    rows_of_slabs(of, grad_output, bounds.data(), slabs, grad_input, begin, end);
  });
}

template <class T, int rank>
void write_gradients_of_rows(const Prepared<T>& of, const WarpGradients<T>& to) {
  const auto rows = PTUS_FOR_THIS_CPU(warp_gradient_rows<T, rank>);
  const Volume<const T>& like = to.grad_output;
  const auto run = [&](const Volume<const T>& input, int64_t first, int64_t last) {
    const Warp<T> call = of.with_input(input);
    // The gradient of the map takes all rows of a pixel's column.
    const int64_t unit = to.pixels == nullptr ? 1 : like.depth, per_sample = like.height * like.depth / unit;
    torch::stable::parallel_for(first * per_sample, last * per_sample, grain_of(unit * like.width * like.channels),
                                [&](int64_t begin, int64_t end) { rows(call, to, begin * unit, end * unit); });
  };
  const bool samples = to.grad_points.data != nullptr || to.pixels != nullptr;
  if (samples) return with_input_to_sample<T, rank>(of.call, run);
  run(of.call.input, 0, like.batch);
}

template <class T, int rank>
void write_other_gradients(const Prepared<T>& of, WarpGradients<T> to, Tensor* grad_occlusion) {
  using R = Real<T>;
  if (grad_occlusion == nullptr) return write_gradients_of_rows<T, rank>(of, to);
  const auto grad_map = volume_of<R>(*grad_occlusion);
  if (!of.occlusion->resized()) {
    to.pixels = grad_map.data;
    return write_gradients_of_rows<T, rank>(of, to);
  }
  const Volume<const T>& like = to.grad_output;
  const Scratch pixels(like.batch * like.height * like.width * static_cast<int64_t>(sizeof(R)));
  to.pixels = pixels.as<R>();
  write_gradients_of_rows<T, rank>(of, to);
  resize_gradient(to.pixels, *of.occlusion, grad_map);
}

}  // namespace

template <int rank>
Tensor warp(const char* op, const WarpArguments& of) {
  check_warp(rank, op, of);
  Tensor output = empty_in_format_of(of.input, size_of_output(of));
  if (output.numel() == 0) return output;
  dispatch_type(of.input.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const Prepared<T> prepared(of);
    const auto out = volume_of<T>(output);
    if (const int64_t block = channels_that_stay<T, rank>(prepared.call)) {
      warp_in_blocks<T, rank>(prepared, out, block);
    } else {
      warp_at_once<T, rank>(prepared, out);
    }
  });
  return output;
}

template <int rank>
std::vector<Tensor> warp_backward(const char* op, const Tensor& grad_output, const WarpArguments& of,
                                  const std::vector<bool>& mask) {
  check_warp(rank, op, of);
  check_grad_output(grad_output, of.input, of.points);
  check_output_mask(mask, {true, true, of.occlusion != nullptr, of.background != nullptr});
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
  if (grad_output.numel() == 0) {
    for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
    return gradients;
  }
  dispatch_type(of.input.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const Prepared<T> prepared(of);
    const auto gradient = volume_of<const T>(grad_output);
    if (asked[0]) {
      const auto grad_input = volume_of<T>(*asked[0]);
      write_input_gradient<T, rank>(prepared.with_input(grad_input.as_const()), gradient, grad_input);
    }
    if (asked[1] || asked[2] || asked[3]) {
      const WarpGradients<T> to = {gradient, asked[1] ? grid_of<Real<T>>(*asked[1]) : Volume<Real<T>>{}, nullptr,
                                   asked[3] ? volume_of<T>(*asked[3]) : Volume<T>{}};
      write_other_gradients<T, rank>(prepared, to, asked[2]);
    }
  });
  return gradients;
}

template Tensor warp<2>(const char*, const WarpArguments&);
template Tensor warp<3>(const char*, const WarpArguments&);
template std::vector<Tensor> warp_backward<2>(const char*, const Tensor&, const WarpArguments&,
                                              const std::vector<bool>&);
template std::vector<Tensor> warp_backward<3>(const char*, const Tensor&, const WarpArguments&,
                                              const std::vector<bool>&);

}  // namespace ptus
