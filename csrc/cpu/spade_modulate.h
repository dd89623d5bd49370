#pragma once

#include "common/modulation.h"
#include "host/tensor_view.h"

// A call of spade_modulate as its loops see it, and how it is divided. A contiguous x goes by planes: each is read
// once, and is still in the cache when it is normalised. A channels-last one goes by segments, some rows each.

namespace ptus {

// The statistics of each channel of each sample: normalised = (x - mean) · inverse_deviation.
template <class R>
struct Normalisation {
  R* mean;
  R* inverse_deviation;
};

template <class T>
struct SpadeModulate {
  Volume<const T> x, gamma, beta;
  int64_t scale;
  Real<T> negative_slope;
  double eps;
  bool channels_last, in_place;  // in place: all tensors have their channels, or their points, side by side

  int64_t points() const { return x.height * x.width; }
  // Of x, treated together: few enough for the first-level cache or, where they are copied, for small buffers.
  int64_t tile_points() const {
    const int64_t most = in_place ? (channels_last ? 4096 / std::max<int64_t>(1, x.channels) : 1024) : 64;
    return std::clamp<int64_t>(most / scale, 1, std::max<int64_t>(1, x.width));
  }
  int64_t tile_channels() const {
    if (in_place) return channels_last ? x.channels : 1;
    return std::min<int64_t>(x.channels, channels_last ? 128 : 16);
  }
  int64_t tile_numbers() const { return tile_points() * scale * tile_channels(); }  // of the output, in one of its rows

  int64_t units_of_sample() const { return (x.channels + tile_channels() - 1) / tile_channels(); }
  int64_t segments() const { return std::min<int64_t>(32, x.height); }
  int64_t first_row(int64_t segment) const { return x.height * segment / segments(); }
};

// Planes `first` to `first + count` of sample n.
struct PlaneUnit {
  int64_t n, first, count;

  template <class T>
  PlaneUnit(const SpadeModulate<T>& of, int64_t unit)
      : n(unit / of.units_of_sample()),
        first(unit % of.units_of_sample() * of.tile_channels()),
        count(std::min(of.tile_channels(), of.x.channels - first)) {}
};

// Gradients without data are not asked for. The gradient of x but for what passes through the statistics is `passed`:
// dense, in the order of grad_x, with which it may share its memory. Planes have buffers of their own for it.
template <class T>
struct SpadeGradients {
  Volume<const T> output;
  Volume<T> x, gamma, beta;
  Real<T>* passed;

  bool wants_x() const { return x.data != nullptr; }
};

}  // namespace ptus
