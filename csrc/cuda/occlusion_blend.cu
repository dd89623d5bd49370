#include <optional>

#include "cuda/occlusion.cuh"
#include "host/occlusion_arguments.h"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

// A call as its kernels see it; a background without data is 0. A thread treats packs of pixels along x, or of
// channels where these lie side by side.
template <class T>
struct Blend {
  Volume<const T> foreground, background;
  OcclusionMap<Real<T>> occlusion;
  bool along_x;
};

// `layers` is the gradient of o, a dense (batch, chunks, height, width). What has no data is not asked for.
template <class T>
struct BlendGradients {
  Volume<const T> output;
  Volume<T> foreground, background;
  Real<T>* layers;
};

// Where a thread is: its pixels, and o there.
template <class R, int pack>
struct Pixels {
  Point point;
  R o[pack];

  template <class T>
  __device__ Pixels(const Blend<T>& of, int64_t item) {
    const int64_t width = of.occlusion.width;
    point.z = 0;
    point.x = of.along_x ? take_remainder(item, width / pack) * pack : take_remainder(item, width);
    point.y = take_remainder(item, of.occlusion.height);
    point.n = item;
#pragma unroll
    for (int i = 0; i < pack; ++i) {
      o[i] = i == 0 || of.along_x ? of.occlusion.at(point.n, point.y, point.x + i) : o[0];
    }
  }
};

// The z and channel of pack p of a pixel, in the order in which they lie in memory.
template <int pack>
struct Place {
  int64_t z, channel;

  __device__ Place(int64_t p, bool along_x, int64_t depth, int64_t channels) {
    const int64_t inner = take_remainder(p, along_x ? depth : channels / pack);
    z = along_x ? inner : p;
    channel = along_x ? p : inner * pack;
  }

  template <class T>
  __device__ int64_t in(const Volume<T>& volume) const {
    return z * volume.stride_z + channel * volume.stride_c;
  }
};

template <class T, int pack>
__global__ void __launch_bounds__(kThreads)
    blend_kernel(Blend<T> of, Volume<T> output, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const Pixels<R, pack> pixels(of, item);
  const bool has_background = of.background.data != nullptr;
  const T* const foreground = at(of.foreground, pixels.point);
  const T* const background = has_background ? at(of.background, pixels.point) : nullptr;
  T* const to = at(output, pixels.point);
  for (int64_t p = share.first; p < share.last; p += share.step) {
    const Place<pack> place(p, of.along_x, output.depth, output.channels);
    R shown[pack], behind[pack] = {};
    load(shown, foreground + place.in(of.foreground));
    if (has_background) load(behind, background + place.in(of.background));
#pragma unroll
    for (int i = 0; i < pack; ++i) {
      shown[i] = has_background ? blend(pixels.o[i], shown[i], behind[i]) : pixels.o[i] * shown[i];
    }
    store(to + place.in(output), shown);
  }
}

template <class T, int pack>
__global__ void __launch_bounds__(kThreads)
    blend_gradient_kernel(Blend<T> of, BlendGradients<T> to, Sharing sharing, int64_t count) {
  using R = Real<T>;
  int64_t item = item_of_thread();
  if (item >= count) return;
  const Share share = take_share(item, sharing);
  const Pixels<R, pack> pixels(of, item);
  const bool wants_map = to.layers != nullptr, has_background = of.background.data != nullptr;
  R sums[pack] = {};
  for (int64_t p = share.first; p < share.last; p += share.step) {
    const Place<pack> place(p, of.along_x, to.output.depth, to.output.channels);
    R gradient[pack], numbers[pack];
    load(gradient, at(to.output, pixels.point) + place.in(to.output));
    if (wants_map) {
      R behind[pack] = {};
      load(numbers, at(of.foreground, pixels.point) + place.in(of.foreground));
      if (has_background) load(behind, at(of.background, pixels.point) + place.in(of.background));
#pragma unroll
      for (int i = 0; i < pack; ++i) sums[i] += blend_slope(gradient[i], numbers[i], behind[i]);
    }
    if (to.foreground.data != nullptr) {
#pragma unroll
      for (int i = 0; i < pack; ++i) numbers[i] = pixels.o[i] * gradient[i];
      store(at(to.foreground, pixels.point) + place.in(to.foreground), numbers);
    }
    if (to.background.data != nullptr) {
#pragma unroll
      for (int i = 0; i < pack; ++i) numbers[i] = (1 - pixels.o[i]) * gradient[i];
      store(at(to.background, pixels.point) + place.in(to.background), numbers);
    }
  }
  if (!wants_map) return;
  const int64_t height = of.occlusion.height, width = of.occlusion.width;
  const int64_t row = (pixels.point.n * sharing.chunks + share.chunk) * height + pixels.point.y;
  R* const layer = to.layers + row * width + pixels.point.x;
  if (of.along_x) {
#pragma unroll
    for (int i = 0; i < pack; ++i) layer[i] = sums[i];
  } else {
    R sum = 0;
#pragma unroll
    for (int i = 0; i < pack; ++i) sum += sums[i];
    sum = sum_over_lanes(sum, sharing.lanes);
    if (share.lane == 0) *layer = sum;
  }
}

// How the pixels of these volumes are shared out; the first of them has the size of the output.
struct Plan {
  bool packs;
  Sharing sharing;

  template <class Like, class... Others>
  Plan(bool along_x, const Volume<Like>& like, const Others&... others)
      : packs(along_x ? has_packs_of_pixels(like) && (has_packs_of_pixels(others) && ...)
                      : has_packs_of_channels(like) && (has_packs_of_channels(others) && ...)) {
    const int64_t size = packs ? kPack<Like> : 1, pixels = like.batch * like.height * like.width;
    const int64_t packs_of_pixel = like.depth * like.channels / (along_x ? 1 : size);
    sharing = share_in_chunks(along_x ? pixels / size : pixels, packs_of_pixel,
                              along_x ? 1 : lanes_for(like.channels / size));
  }
};

void check(const Tensor& foreground, const Tensor& occlusion, const std::optional<Tensor>& background) {
  STD_TORCH_CHECK(foreground.dim() == 4 || foreground.dim() == 5, "foreground: expected 4 or 5 dimensions");
  check_occlusion(occlusion, foreground, foreground.numel() > 0);
  if (background.has_value()) check_same("background", *background, foreground);
}

template <class T>
Blend<T> call_of(const Tensor& foreground, const Tensor& occlusion, const std::optional<Tensor>& background,
                 bool sigmoid) {
  const auto shown = volume_of<const T>(foreground);
  return {shown,
          background.has_value() ? volume_of<const T>(*background) : Volume<const T>{},
          {occlusion, shown.height, shown.width, sigmoid},
          !is_channels_last(foreground)};
}

const Tensor* if_present(const std::optional<Tensor>& tensor) { return tensor.has_value() ? &*tensor : nullptr; }

Tensor forward(const Tensor& foreground, const Tensor& occlusion, std::optional<Tensor> background, bool sigmoid) {
  check(foreground, occlusion, background);
  const Launcher launcher({&foreground, &occlusion, if_present(background)});
  Tensor output = empty_in_format_of(foreground, size_of(foreground));
  if (output.numel() == 0) return output;
  dispatch_type(foreground.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const Blend<T> call = call_of<T>(foreground, occlusion, background, sigmoid);
    const auto out = volume_of<T>(output);
    const Plan plan(call.along_x, out, call.foreground, call.background);
    launcher.items(plan.sharing.items(), plan.packs ? &blend_kernel<T, kPack<T>> : &blend_kernel<T, 1>, call, out,
                   plan.sharing, plan.sharing.items());
  });
  return output;
}

template <class T>
void write_gradients(const Launcher& launcher, const Blend<T>& call, BlendGradients<T> to, Tensor* grad_occlusion) {
  const bool wants_map = grad_occlusion != nullptr;
  const Volume<const T> none = {};
  const Plan plan(call.along_x, to.output, to.foreground, to.background, wants_map ? call.foreground : none,
                  wants_map ? call.background : none);
  std::optional<Tensor> layers;
  if (wants_map) {
    const int64_t pixels = to.output.batch * to.output.height * to.output.width;
    layers = torch::stable::new_empty(*grad_occlusion, {plan.sharing.chunks * pixels});
    to.layers = static_cast<Real<T>*>(layers->data_ptr());
  }
  launcher.items(plan.sharing.items(), plan.packs ? &blend_gradient_kernel<T, kPack<T>> : &blend_gradient_kernel<T, 1>,
                 call, to, plan.sharing, plan.sharing.items());
  if (wants_map) write_map_gradient(launcher, call.occlusion, *layers, plan.sharing.chunks, *grad_occlusion);
}

// The gradients asked for by output_mask, of (foreground, occlusion, background).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& foreground, const Tensor& occlusion,
                             std::optional<Tensor> background, bool sigmoid, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  check(foreground, occlusion, background);
  check_same("grad_output", grad_output, foreground);
  check_output_mask(output_mask, {true, true, background.has_value()});
  const Launcher launcher({&foreground, &occlusion, if_present(background), &grad_output});
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
  if (gradients.empty()) return gradients;
  if (foreground.numel() == 0) {
    for (Tensor& gradient : gradients) torch::stable::zero_(gradient);
    return gradients;
  }
  dispatch_type(foreground.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto write_to = [&](int which) { return asked[which] ? volume_of<T>(*asked[which]) : Volume<T>{}; };
    const BlendGradients<T> to = {volume_of<const T>(grad_output), write_to(0), write_to(2), nullptr};
    write_gradients(launcher, call_of<T>(foreground, occlusion, background, sigmoid), to, asked[1]);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("occlusion_blend", TORCH_BOX(&forward));
  m.impl("occlusion_blend_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
