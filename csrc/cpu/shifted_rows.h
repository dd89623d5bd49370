// Reading and adjoint reading of rows of a volume that is shifted by a keypoint: where motion_features spends its time
// when there are no jacobians. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

inline constexpr int kRowBlock = 8;  // rows prepared before the first is shifted, so that stores are done when loaded

// Rows of numbers with zeros before and after, as far as shifted indices reach.
template <class R>
class PaddedRows {
 public:
  static int64_t numbers(int64_t width) { return kRowBlock * stride_of(width); }

  PaddedRows(R* memory, int64_t width) : first_(memory + shift_padding(width)), stride_(stride_of(width)) {
    std::memset(memory, 0, numbers(width) * sizeof(R));
  }

  R* row(int64_t i) const { return first_ + i * stride_; }

 private:
  static int64_t stride_of(int64_t width) { return width + 2 * shift_padding(width); }

  R* first_;
  int64_t stride_;
};

inline constexpr int kRowGroup = 4;  // rows blended at a time: as many as a row of a shifted volume reads

// The voxel rows that one row of a shifted volume is blended from, filled up to whole groups with rows of weight 0.
template <class R>
struct RowTaps {
  int count = 0;
  int64_t z[12], y[12];
  R weight[12] = {};                     // w_z w_y
  R slope_y[12] = {}, slope_z[12] = {};  // with one of the two replaced by its slope

  void fill_group() {
    for (; count % kRowGroup != 0; ++count) {
      z[count] = z[0];
      y[count] = y[0];
    }
  }
};

// For row (z, y) of the shifted volume: the rows it reads. Adjoint: for row (z, y) of the volume, the rows that read
// it.
template <bool adjoint, class R>
RowTaps<R> row_taps(const AxisShift<R>* shift, int64_t z, int64_t y, int64_t depth, int64_t height) {
  RowTaps<R> taps;
  for (int tz = 0; tz < 3; ++tz) {
    const int64_t other_z = adjoint ? z - shift[2].offset - tz : z + shift[2].offset + tz;
    if (other_z < 0 || other_z >= depth) continue;
    const int64_t at_z = adjoint ? other_z : z;
    for (int ty = 0; ty < 3; ++ty) {
      const int64_t other_y = adjoint ? y - shift[1].offset - ty : y + shift[1].offset + ty;
      if (other_y < 0 || other_y >= height) continue;
      const int64_t at_y = adjoint ? other_y : y;
      const R wz = shift[2].weight[tz][at_z], wy = shift[1].weight[ty][at_y];
      const R sz = shift[2].slope[tz][at_z], sy = shift[1].slope[ty][at_y];
      if ((wz == 0 && sz == 0) || (wy == 0 && sy == 0)) continue;
      taps.z[taps.count] = other_z;
      taps.y[taps.count] = other_y;
      taps.weight[taps.count] = wz * wy;
      taps.slope_y[taps.count] = wz * sy;
      taps.slope_z[taps.count++] = sz * wy;
    }
  }
  taps.fill_group();
  return taps;
}

// to[x] = Σ weight_i · rows_i[x] over a group of rows, or += for a further group
template <int lanes, bool further, class R, class T>
PTUS_INLINE void blend_group(R* to, const T* const* rows, const R* weight, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    Vec<R, lanes> sum = weight[0] * load<lanes>(rows[0] + x);
#pragma GCC unroll 4
    for (int i = 1; i < kRowGroup; ++i) sum += weight[i] * load<lanes>(rows[i] + x);
    store<lanes>(to + x, further ? load<lanes>(to + x) + sum : sum);
  }
  if constexpr (lanes > 1) blend_group<lanes / 2, further>(to, rows, weight, width, x);
}

template <class R, class T>
PTUS_INLINE void blend_rows(R* to, const T* const* rows, const RowTaps<R>& taps, int64_t width) {
  blend_group<kLanes<R>, false>(to, rows, taps.weight, width);
  for (int i = kRowGroup; i < taps.count; i += kRowGroup) {
    blend_group<kLanes<R>, true>(to, rows + i, taps.weight + i, width);
  }
}

// to[x] = Σ_t weight_t[x] · row[x + offset + t]
template <int lanes, class R, class Out>
PTUS_INLINE void shift_row(Out* to, const R* row, const AxisShift<R>& shift, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    const R* const from = row + x + shift.offset;
    Vec<R, lanes> sum = load<lanes>(shift.weight[0] + x) * load<lanes>(from);
    sum += load<lanes>(shift.weight[1] + x) * load<lanes>(from + 1);
    sum += load<lanes>(shift.weight[2] + x) * load<lanes>(from + 2);
    store<lanes>(to + x, sum);
  }
  if constexpr (lanes > 1) shift_row<lanes / 2>(to, row, shift, width, x);
}

// What voxels x to x + lanes of a row receive from the row of gradients that reads it, by these weights.
template <int lanes, class R>
PTUS_INLINE Vec<R, lanes> shifted_back(const R* gradient, const R* const (&weight)[3], int64_t offset, int64_t x) {
  const int64_t i = x - offset;
  Vec<R, lanes> sum = load<lanes>(weight[0] + i) * load<lanes>(gradient + i);
  sum += load<lanes>(weight[1] + i - 1) * load<lanes>(gradient + i - 1);
  sum += load<lanes>(weight[2] + i - 2) * load<lanes>(gradient + i - 2);
  return sum;
}

// to[x] += what voxel x receives from the row of gradients
template <int lanes, class R>
PTUS_INLINE void add_shifted_back(R* to, const R* gradient, const AxisShift<R>& shift, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    store<lanes>(to + x, load<lanes>(to + x) + shifted_back<lanes>(gradient, shift.weight, shift.offset, x));
  }
  if constexpr (lanes > 1) add_shifted_back<lanes / 2>(to, gradient, shift, width, x);
}

// The lane sums of a row of gradients with each of the voxel rows it reads: `weighted` by the weights along x, `sloped`
// by their slopes.
template <class R>
struct RowDots {
  R weighted[kRowGroup][kLanes<R>] = {};
  R sloped[kRowGroup][kLanes<R>] = {};
};

template <int lanes, class R, class T>
PTUS_INLINE void dot_rows(RowDots<R>& dots, const R* gradient, const T* const (&rows)[kRowGroup],
                          const AxisShift<R>& shift, int64_t width, int64_t x = 0) {
  if (x + lanes <= width) {
    Vec<R, lanes> weighted[kRowGroup], sloped[kRowGroup];
#pragma GCC unroll 4
    for (int i = 0; i < kRowGroup; ++i) {
      weighted[i] = load<lanes>(dots.weighted[i]);
      sloped[i] = load<lanes>(dots.sloped[i]);
    }
    for (; x + lanes <= width; x += lanes) {
      const Vec<R, lanes> by_weight = shifted_back<lanes>(gradient, shift.weight, shift.offset, x);
      const Vec<R, lanes> by_slope = shifted_back<lanes>(gradient, shift.slope, shift.offset, x);
#pragma GCC unroll 4
      for (int i = 0; i < kRowGroup; ++i) {
        const Vec<R, lanes> values = load<lanes>(rows[i] + x);
        weighted[i] += by_weight * values;
        sloped[i] += by_slope * values;
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kRowGroup; ++i) {
      store<lanes>(dots.weighted[i], weighted[i]);
      store<lanes>(dots.sloped[i], sloped[i]);
    }
  }
  if constexpr (lanes > 1) dot_rows<lanes / 2>(dots, gradient, rows, shift, width, x);
}

}  // namespace ptus::PTUS_CAPABILITY
