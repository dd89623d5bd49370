// The occlusion map as a blend needs it: row after row at the size of the feature, never written as a whole.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// What resizing a row of `from` numbers to `to` numbers reads for each of them.
template <class R>
class RowTaps {
 public:
  RowTaps(int64_t from, int64_t to) : scratch_(2 * to * static_cast<int64_t>(sizeof(int32_t) + sizeof(R))) {
    weight[0] = scratch_.as<R>();
    weight[1] = weight[0] + to;
    index[0] = reinterpret_cast<int32_t*>(weight[1] + to);
    index[1] = index[0] + to;
    for (int64_t i = 0; i < to; ++i) {
      const ResizeTaps<R> taps = resize_taps<R>(i, from, to);
      for (int t = 0; t < 2; ++t) {
        weight[t][i] = taps.weight[t];
        index[t][i] = taps.index[t];
      }
    }
  }

 private:
  Scratch scratch_;

 public:
  R* weight[2];
  int32_t* index[2];
};

template <class R>
void interpolate_row(R* __restrict__ to, int64_t count, const R* __restrict__ from, const RowTaps<R>& taps) {
  const R* const weight[2] = {taps.weight[0], taps.weight[1]};
  const int32_t* const index[2] = {taps.index[0], taps.index[1]};
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) to[i] = weight[0][i] * from[index[0][i]] + weight[1][i] * from[index[1][i]];
}

// to = first_weight * first + second_weight * second, of numbers a stride apart.
template <class R>
void mix_rows(R* __restrict__ to, int64_t count, const R* first, R first_weight, const R* second, R second_weight,
              int64_t stride) {
  for (int64_t i = 0; i < count; ++i) to[i] = first_weight * first[i * stride] + second_weight * second[i * stride];
}

template <int lanes, class R>
PTUS_INLINE void sigmoid_row(R* row, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) {
    const Vec<R, lanes> x = load<lanes>(row + i);
    store<lanes>(row + i, 1 / (1 + exp<lanes>(-x)));
  }
  if constexpr (lanes > 1) sigmoid_row<lanes / 2>(row, count, i);
}

// row *= sigmoid' where the sigmoid is o.
template <class R>
void multiply_by_sigmoid_slope(R* __restrict__ row, const R* __restrict__ o, int64_t count) {
  for (int64_t i = 0; i < count; ++i) row[i] *= sigmoid_slope(o[i]);
}

// Rows of o at the size (height, width) of a feature.
template <class R>
class OcclusionRows {
 public:
  OcclusionRows(const Volume<const R>& map, int64_t height, int64_t width, bool sigmoid)
      : map_(map),
        height_(height),
        width_(width),
        sigmoid_(sigmoid),
        taps_(map.width, map.width == width ? 0 : width),
        mixed_(map.width * static_cast<int64_t>(sizeof(R))) {}

  // Writes o of row y of sample n.
  void fill(R* to, int64_t n, int64_t y) const {
    R* const mixed = map_.width == width_ ? to : mixed_.template as<R>();
    if (map_.height == height_) {
      copy_matrix(mixed, 0, 1, map_.at(n, 0, y), 0, map_.stride_x, 1, map_.width);
    } else {
      const ResizeTaps<R> y_taps = resize_taps<R>(y, map_.height, height_);
      mix_rows(mixed, map_.width, map_.at(n, 0, y_taps.index[0]), y_taps.weight[0], map_.at(n, 0, y_taps.index[1]),
               y_taps.weight[1], map_.stride_x);
    }
    if (map_.width != width_) interpolate_row(to, width_, mixed, taps_);
    if (sigmoid_) sigmoid_row<kLanes<R>>(to, width_);
  }

 private:
  const Volume<const R> map_;
  const int64_t height_, width_;
  const bool sigmoid_;
  const RowTaps<R> taps_;
  const Scratch mixed_;
};

}  // namespace ptus::PTUS_CAPABILITY
