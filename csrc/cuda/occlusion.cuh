#pragma once

#include "common/blending.h"
#include "common/resize.h"
#include "cuda/points.cuh"

// The occlusion map as a blend needs it, and its gradient.

namespace ptus::cuda {

// A map (B, 1, h, w), and how it becomes o at a feature's (height, width): resized, then passed through the sigmoid if
// it holds logits. Without data there is no map.
template <class R>
struct OcclusionMap {
  Volume<const R> map;
  int64_t height, width;
  bool sigmoid;

  OcclusionMap() : map{}, height(0), width(0), sigmoid(false) {}
  OcclusionMap(const Tensor& occlusion, int64_t height, int64_t width, bool sigmoid)
      : map(volume_of<const R>(occlusion)), height(height), width(width), sigmoid(sigmoid) {}

  bool resized() const { return map.height != height || map.width != width; }

  // o of a pixel.
  __device__ R at(int64_t n, int64_t y, int64_t x) const {
    const R* const sample = map.data + n * map.stride_n;
    R o;
    if (map.height == height && map.width == width) {
      o = sample[y * map.stride_y + x * map.stride_x];
    } else {
      const ResizeTaps<R> ys = resize_taps<R>(y, map.height, height), xs = resize_taps<R>(x, map.width, width);
      R mixed[2];
#pragma unroll
      for (int t = 0; t < 2; ++t) {
        const R* const column = sample + xs.index[t] * map.stride_x;
        mixed[t] =
            ys.weight[0] * column[ys.index[0] * map.stride_y] + ys.weight[1] * column[ys.index[1] * map.stride_y];
      }
      o = xs.weight[0] * mixed[0] + xs.weight[1] * mixed[1];
    }
    return sigmoid ? 1 / (1 + std::exp(-o)) : o;
  }
};

// The gradient of o comes in layers (B, layers, height, width), which are summed and, where o is a sigmoid, taken
// through it: `pixels` (B, height, width) is the gradient of the resized map.
template <class R>
__global__ void __launch_bounds__(kThreads)
    sum_layers_kernel(OcclusionMap<R> occlusion, const R* of_layers, int64_t layers, R* pixels, int64_t count) {
  const int64_t pixel = item_of_thread();
  if (pixel >= count) return;
  const int64_t plane = occlusion.height * occlusion.width;
  int64_t n = pixel;
  const int64_t yx = take_remainder(n, plane);
  const R* const from = of_layers + n * layers * plane + yx;
  R sum = 0;
  for (int64_t layer = 0; layer < layers; ++layer) sum += from[layer * plane];
  if (occlusion.sigmoid) {
    int64_t y = yx;
    const int64_t x = take_remainder(y, occlusion.width);
    sum *= sigmoid_slope(occlusion.at(n, y, x));
  }
  pixels[pixel] = sum;
}

// The adjoint of resizing: a warp sums the gradients of the pixels that read one element of the map.
template <class R>
__global__ void __launch_bounds__(kThreads)
    resize_adjoint_kernel(OcclusionMap<R> occlusion, const R* pixels, R* grad_map, int64_t count) {
  int64_t item = item_of_thread();
  const int64_t lane = item % kWarp;
  item /= kWarp;
  if (item >= count) return;
  R* const to = grad_map + item;
  const int64_t from_height = occlusion.map.height, from_width = occlusion.map.width;
  const int64_t k = take_remainder(item, from_width), j = take_remainder(item, from_height);
  const ResizeReaders ys = resize_readers<R>(j, from_height, occlusion.height);
  const ResizeReaders xs = resize_readers<R>(k, from_width, occlusion.width);
  const R* const sample = pixels + item * occlusion.height * occlusion.width;
  const int64_t width = xs.end - xs.begin;
  R sum = 0;
  for (int64_t i = lane; i < (ys.end - ys.begin) * width; i += kWarp) {
    int64_t y = i;
    const int64_t x = take_remainder(y, width) + xs.begin;
    y += ys.begin;
    sum += resize_weight<R>(y, j, from_height, occlusion.height) * resize_weight<R>(x, k, from_width, occlusion.width) *
           sample[y * occlusion.width + x];
  }
  sum = sum_over_lanes(sum, kWarp);
  if (lane == 0) *to = sum;
}

// Writes the gradient of the map, a contiguous (B, 1, h, w), from the layers that it comes in.
template <class R>
void write_map_gradient(const Launcher& launcher, const OcclusionMap<R>& occlusion, const Tensor& of_layers,
                        int64_t layers, Tensor& grad_map) {
  const int64_t count = grad_map.size(0) * occlusion.height * occlusion.width;
  const bool resized = occlusion.resized();
  const Tensor pixels = resized ? torch::stable::new_empty(grad_map, {count}) : grad_map;
  R* const to = static_cast<R*>(pixels.data_ptr());
  launcher.items(count, sum_layers_kernel<R>, occlusion, static_cast<const R*>(of_layers.data_ptr()), layers, to,
                 count);
  if (!resized) return;
  const int64_t elements = grad_map.numel();
  launcher.warps(elements, resize_adjoint_kernel<R>, occlusion, static_cast<const R*>(to),
                 static_cast<R*>(grad_map.data_ptr()), elements);
}

}  // namespace ptus::cuda
