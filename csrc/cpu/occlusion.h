// The occlusion map as a blend needs it: row after row at the size of the feature, never written as a whole.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

template <class R>
void interpolate_row(R* __restrict__ to, int64_t count, const R* __restrict__ from, const ResizeTable<R>& table) {
  const R* const weight[2] = {table.weight[0].data(), table.weight[1].data()};
  const int32_t* const index[2] = {table.index[0].data(), table.index[1].data()};
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

// Writes rows of o; of no use without a map.
template <class R>
class OcclusionRows {
 public:
  explicit OcclusionRows(const OcclusionMap<R>* occlusion)
      : occlusion_(occlusion),
        mixed_(occlusion == nullptr ? 0 : occlusion->map.width * static_cast<int64_t>(sizeof(R))) {}

  // o of row y of sample n.
  void fill(R* to, int64_t n, int64_t y) const {
    const Volume<const R>& map = occlusion_->map;
    const int64_t width = occlusion_->width();
    R* const mixed = map.width == width ? to : mixed_.template as<R>();
    if (map.height == occlusion_->height()) {
      copy_matrix(mixed, 0, 1, map.at(n, 0, y), 0, map.stride_x, 1, map.width);
    } else {
      const ResizeTable<R>& table = occlusion_->y;
      mix_rows(mixed, map.width, map.at(n, 0, table.index[0].data()[y]), table.weight[0].data()[y],
               map.at(n, 0, table.index[1].data()[y]), table.weight[1].data()[y], map.stride_x);
    }
    if (map.width != width) interpolate_row(to, width, mixed, occlusion_->x);
    if (occlusion_->sigmoid) sigmoid_row<kLanes<R>>(to, width);
  }

 private:
  const OcclusionMap<R>* const occlusion_;
  const Scratch mixed_;
};

}  // namespace ptus::PTUS_CAPABILITY
