#pragma once

#include "cpu/resize_table.h"
#include "host/tensor_view.h"

namespace ptus {

// An occlusion map (B, 1, h, w), and how it becomes o at a feature's (height, width): resized, then passed through the
// sigmoid if it holds logits.
template <class R>
struct OcclusionMap {
  Volume<const R> map;
  ResizeTable<R> y, x;
  bool sigmoid;

  OcclusionMap(const Tensor& occlusion, int64_t height, int64_t width, bool sigmoid)
      : map(volume_of<const R>(occlusion)), y(map.height, height), x(map.width, width), sigmoid(sigmoid) {}

  int64_t height() const { return y.to; }
  int64_t width() const { return x.to; }
  bool resized() const { return map.height != height() || map.width != width(); }
};

}  // namespace ptus
