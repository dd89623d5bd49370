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

// The voxel rows that one row of a shifted volume is blended from.
template <class R>
struct RowTaps {
  int count = 0;
  int64_t z[9], y[9];
  R weight[9];               // w_z w_y
  R slope_y[9], slope_z[9];  // with one of the two replaced by its slope
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
  return taps;
}

// to[x] = Σ weight_i · rows_i[x]
template <int lanes, class R, class T>
PTUS_INLINE void blend_rows(R* to, const T* const* rows, const R* weight, int count, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    Vec<R, lanes> sum = weight[0] * load<lanes>(rows[0] + x);
    for (int i = 1; i < count; ++i) sum += weight[i] * load<lanes>(rows[i] + x);
    store<lanes>(to + x, sum);
  }
  if constexpr (lanes > 1) blend_rows<lanes / 2>(to, rows, weight, count, width, x);
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
  R weighted[9][kLanes<R>] = {};
  R sloped[9][kLanes<R>] = {};
};

template <int lanes, class R, class T>
PTUS_INLINE void dot_rows(RowDots<R>& dots, const R* gradient, const T* const* rows, int count,
                          const AxisShift<R>& shift, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    const Vec<R, lanes> by_weight = shifted_back<lanes>(gradient, shift.weight, shift.offset, x);
    const Vec<R, lanes> by_slope = shifted_back<lanes>(gradient, shift.slope, shift.offset, x);
    for (int i = 0; i < count; ++i) {
      const Vec<R, lanes> values = load<lanes>(rows[i] + x);
      store<lanes>(dots.weighted[i], load<lanes>(dots.weighted[i]) + by_weight * values);
      store<lanes>(dots.sloped[i], load<lanes>(dots.sloped[i]) + by_slope * values);
    }
  }
  if constexpr (lanes > 1) dot_rows<lanes / 2>(dots, gradient, rows, count, shift, width, x);
}

}  // namespace ptus::PTUS_CAPABILITY
