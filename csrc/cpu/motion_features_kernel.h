// Loops of motion_features and spline_features; those of motions that are no translations are in moved_features.h.
// Compiled once for each capability: see foreach_capability.h.

// clang-format off
#include "cpu/line_sums.h"
#include "cpu/row_motion.h"
#include "cpu/spline_rows.h"
#include "cpu/shifted_rows.h"
#include "cpu/heatmap_rows.h"
#include "cpu/moved_features.h"
// clang-format on

namespace ptus::PTUS_CAPABILITY {

// The channels of the feature warped by motion k in row (z, y): C rows, `stride` apart.
template <class T, int rank, class Out>
void shifted_feature_rows(const MotionFeatures<T, rank>& call, int64_t n, int64_t k, int64_t z, int64_t y,
                          const PaddedRows<Real<T>>& buffer, Out* to, int64_t stride) {
  using R = Real<T>;
  constexpr int lanes = kLanes<R>;
  const Volume<const T>& feature = call.feature;
  const AxisShift<R>* const shift = call.shifts->of(n, k);
  const RowTaps<R> taps = row_taps<false>(shift, z, y, feature.depth, feature.height);
  for (int64_t first = 0; first < feature.channels; first += kRowBlock) {
    const int64_t block = std::min<int64_t>(kRowBlock, feature.channels - first);
    for (int64_t c = 0; c < block; ++c) {
      const T* rows[12];
      for (int i = 0; i < taps.count; ++i) {
        rows[i] = feature.at(n, taps.z[i], taps.y[i]) + (first + c) * feature.stride_c;
      }
      if (taps.count > 0) blend_rows(buffer.row(c), rows, taps, feature.width);
    }
    for (int64_t c = 0; c < block; ++c) {
      Out* const row = to + (first + c) * stride;
      if (taps.count > 0) {
        shift_row<lanes>(row, buffer.row(c), shift[0], feature.width);
      } else {
        std::memset(static_cast<void*>(row), 0, feature.width * sizeof(Out));
      }
    }
  }
}

// Planes (n, k, z) `begin` to `end` of an output whose rows are contiguous.
template <class T, int rank>
void shifted_feature_planes(const MotionFeatures<T, rank>& call, const Volume<T>& output, Real<T>* memory,
                            int64_t begin, int64_t end) {
  const Volume<const T>& feature = call.feature;
  const PaddedRows<Real<T>> buffer(memory, feature.width);
  for (int64_t plane = begin; plane < end; ++plane) {
    const int64_t z = plane % feature.depth, k = plane / feature.depth % call.motions.count;
    const int64_t n = plane / feature.depth / call.motions.count;
    for (int64_t y = 0; y < feature.height; ++y) {
      T* const to = output.at(n, z, y);
      heatmap_row(call, n, k, z, y, to + call.channel_of_map(k) * output.stride_c);
      shifted_feature_rows(call, n, k, z, y, buffer, to + call.first_channel(k) * output.stride_c, output.stride_c);
    }
  }
}

// Rows (n, z, y) `begin` to `end` of an output with channels last; `rows` holds one row of all channels.
template <class T, int rank>
void shifted_feature_rows_channels_last(const MotionFeatures<T, rank>& call, const Volume<T>& output, Real<T>* memory,
                                        int64_t begin, int64_t end) {
  using R = Real<T>;
  const int64_t width = output.width;
  const PaddedRows<R> buffer(memory, width);
  R* const rows = memory + PaddedRows<R>::numbers(width);
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, output);
    for (int64_t k = 0; k < call.motions.count; ++k) {
      heatmap_row(call, row.n, k, row.z, row.y, rows + call.channel_of_map(k) * width);
      shifted_feature_rows(call, row.n, k, row.z, row.y, buffer, rows + call.first_channel(k) * width, width);
    }
    copy_matrix(output.at(row.n, row.z, row.y), output.stride_c, output.stride_x, rows, width, 1, output.channels,
                width);
  }
}

// The gradients of the keypoints from planes (n, k, z) `begin` to `end`.
template <class T, int rank>
void shifted_keypoint_gradient_planes(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                                      const PlaneGradients<Real<T>, rank>& gradients, Real<T>* memory, int64_t begin,
                                      int64_t end) {
  using R = Real<T>;
  const Volume<const T>& feature = call.feature;
  const PaddedRows<R> buffer(memory, feature.width);
  R* const row = buffer.row(0);
  for (int64_t plane = begin; plane < end; ++plane) {
    const int64_t z = plane % feature.depth, k = plane / feature.depth % call.motions.count;
    const int64_t n = plane / feature.depth / call.motions.count;
    const int64_t result = (n * feature.depth + z) * call.motions.count + k;
    Motion<R, rank>& of_motion = gradients.motions[result];
    std::memset(&of_motion, 0, sizeof(of_motion));
    heatmap_gradient_plane(call, grad_output, gradients, n, k, z, row);
    if (k == 0) continue;
    const AxisShift<R>* const shift = call.shifts->of(n, k);
    const int64_t first_channel = call.first_channel(k);
    for (int64_t y = 0; y < feature.height; ++y) {
      const RowTaps<R> taps = row_taps<false>(shift, z, y, feature.depth, feature.height);
      if (y + 1 < feature.height) {
        prefetch(grad_output.at(n, z, y + 1) + first_channel * grad_output.stride_c, grad_output.stride_c,
                 feature.channels, feature.width);
      }
      if (taps.count == 0) continue;
      RowDots<R> dots;
      for (int64_t first = 0; first < feature.channels; first += kRowBlock) {
        const int64_t block = std::min<int64_t>(kRowBlock, feature.channels - first);
        for (int64_t c = 0; c < block; ++c) read_row(buffer.row(c), grad_output, n, first_channel + first + c, z, y);
        for (int64_t c = 0; c < block; ++c) {
          const T* rows[kRowGroup];
          for (int i = 0; i < kRowGroup; ++i) {
            rows[i] = feature.at(n, taps.z[i], taps.y[i]) + (first + c) * feature.stride_c;
          }
          dot_rows<kLanes<R>>(dots, buffer.row(c), rows, shift[0], feature.width);
        }
      }
      for (int i = 0; i < taps.count; ++i) {
        const R weighted = sum_of_lanes(dots.weighted[i]);
        of_motion.offset[0] += sum_of_lanes(dots.sloped[i]) * taps.weight[i];
        of_motion.offset[1] += weighted * taps.slope_y[i];
        if constexpr (rank == 3) of_motion.offset[2] += weighted * taps.slope_z[i];
      }
    }
  }
}

// The gradient of planes (n, z) `begin` to `end` of the feature, kPlaneBlock at a time: neighbouring planes receive
// from the same rows of gradients, which are large, so motion by motion all planes of a block are served.

template <class T, int rank>
void shifted_feature_gradient_planes(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                                     const Volume<T>& grad_feature, Real<T>* memory, int64_t begin, int64_t end) {
  using R = Real<T>;
  const int64_t width = grad_feature.width, height = grad_feature.height, channels = grad_feature.channels;
  const int64_t depth = grad_feature.depth, of_plane = channels * height * width;
  const PaddedRows<R> buffer(memory, width);
  // Where the gradient has rows of numbers of type R, they are summed where they stand, otherwise in the buffer.
  Volume<R> sums = {memory + PaddedRows<R>::numbers(width),
                    1,
                    channels,
                    kPlaneBlock,
                    height,
                    width,
                    0,
                    height * width,
                    of_plane,
                    width,
                    1};
  const bool in_place = std::is_same_v<R, T> && grad_feature.stride_x == 1;
  if constexpr (std::is_same_v<R, T>) sums = in_place ? grad_feature : sums;
  for (int64_t from = begin, to; from < end; from = to) {
    const int64_t n = from / depth;
    to = std::min({end, from + kPlaneBlock, (n + 1) * depth});
    const int64_t first_plane = in_place ? n * depth : from;  // the one that `sums` calls 0
    for (int64_t row = from * height; row < to * height; ++row) {
      R* const of_row = sums.at(n, row / height - first_plane, row % height);
      for (int64_t c = 0; c < channels; ++c) std::memset(of_row + c * sums.stride_c, 0, width * sizeof(R));
    }
    for (int64_t k = 0; k < call.motions.count; ++k) {
      const AxisShift<R>* const shift = call.shifts->of(n, k);
      const int64_t channel = call.first_channel(k);
      for (int64_t row = from * height; row < to * height; ++row) {
        const int64_t z = row / height % depth, y = row % height;
        const RowTaps<R> taps = row_taps<true>(shift, z, y, depth, height);
        if (taps.count == 0) continue;
        R* const of_row = sums.at(n, row / height - first_plane, y);
        for (int64_t first = 0; first < channels; first += kRowBlock) {
          const int64_t block = std::min<int64_t>(kRowBlock, channels - first);
          for (int64_t c = 0; c < block; ++c) {
            const T* rows[12];
            for (int i = 0; i < taps.count; ++i) {
              rows[i] = grad_output.at(n, taps.z[i], taps.y[i]) + (channel + first + c) * grad_output.stride_c;
            }
            blend_rows(buffer.row(c), rows, taps, width);
          }
          for (int64_t c = 0; c < block; ++c) {
            add_shifted_back<kLanes<R>>(of_row + (first + c) * sums.stride_c, buffer.row(c), shift[0], width);
          }
        }
      }
    }
    for (int64_t row = from * height; !in_place && row < to * height; ++row) {
      copy_matrix(grad_feature.at(n, row / height % depth, row % height), grad_feature.stride_c, grad_feature.stride_x,
                  sums.at(0, row / height - from, row % height), sums.stride_c, 1, channels, width);
    }
  }
}

// Room in numbers for one thread of any of the loops above, where `rows` whole rows go with the padded ones.
template <class T, int rank>
int64_t shifted_workspace(const MotionFeatures<T, rank>& call, int64_t rows) {
  return PaddedRows<Real<T>>::numbers(call.feature.width) + rows * call.feature.width;
}

}  // namespace ptus::PTUS_CAPABILITY
