// The heatmaps of motion_features, row by row, and what their gradients say about the keypoints.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Σ_x a[x] · b[x], added to lane sums
template <int lanes, class R>
PTUS_INLINE void dot_line(R* sums, const R* a, const R* b, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    store<lanes>(sums, load<lanes>(sums) + load<lanes>(a + x) * load<lanes>(b + x));
  }
  if constexpr (lanes > 1) dot_line<lanes / 2>(sums, a, b, width, x);
}

// to[x] = a · p[x] - b · q[x]
template <int lanes, class R, class Out>
PTUS_INLINE void difference_line(Out* to, R a, const R* p, R b, const R* q, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    store<lanes>(to + x, a * load<lanes>(p + x) - b * load<lanes>(q + x));
  }
  if constexpr (lanes > 1) difference_line<lanes / 2>(to, a, p, b, q, width, x);
}

// Σ_x a[x], added to lane sums
template <int lanes, class R>
PTUS_INLINE void sum_line(R* sums, const R* a, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) store<lanes>(sums, load<lanes>(sums) + load<lanes>(a + x));
  if constexpr (lanes > 1) sum_line<lanes / 2>(sums, a, width, x);
}

// The heatmap of motion k in row (z, y); 0 for the background.
template <class T, class Out>
void heatmap_row(const MotionFeatures<T>& call, int64_t n, int64_t k, int64_t z, int64_t y, Out* to) {
  if (call.shifts.still(n, k)) {
    std::memset(static_cast<void*>(to), 0, call.feature.width * sizeof(Out));
    return;
  }
  const AxisShift<Real<T>>* const shift = call.shifts.of(n, k);
  difference_line<kLanes<Real<T>>>(to, shift[1].driving[y] * shift[2].driving[z], shift[0].driving,
                                   shift[1].source[y] * shift[2].source[z], shift[0].source, call.feature.width);
}

// One row of the output's gradient as numbers of type R, in `to`.
template <class R, class T>
PTUS_INLINE void read_row(R* to, const Volume<const T>& gradient, int64_t n, int64_t channel, int64_t z, int64_t y) {
  copy_matrix(to, gradient.width, 1, gradient.at(n, z, y) + channel * gradient.stride_c, gradient.stride_c,
              gradient.stride_x, 1, gradient.width);
}

template <class R>
R sum_of_lanes(const R (&sums)[kLanes<R>]) {
  return sum_lanes<kLanes<R>, R>(load<kLanes<R>>(sums));
}

// Adds what row (z, y) of a heatmap's gradient says about its two keypoints.
template <class R>
void add_heatmap_gradient(const AxisShift<R>* shift, const R* row, int64_t z, int64_t y, int64_t width,
                          HeatmapGradient<R>& gradient) {
  R sums[4][kLanes<R>] = {};
  dot_line<kLanes<R>>(sums[0], row, shift[0].driving, width);
  dot_line<kLanes<R>>(sums[1], row, shift[0].driving_slope, width);
  dot_line<kLanes<R>>(sums[2], row, shift[0].source, width);
  dot_line<kLanes<R>>(sums[3], row, shift[0].source_slope, width);
  const R driving = sum_of_lanes(sums[0]), source = sum_of_lanes(sums[2]);
  gradient.driving[0] += sum_of_lanes(sums[1]) * shift[1].driving[y] * shift[2].driving[z];
  gradient.driving[1] += driving * shift[1].driving_slope[y] * shift[2].driving[z];
  gradient.driving[2] += driving * shift[1].driving[y] * shift[2].driving_slope[z];
  gradient.source[0] -= sum_of_lanes(sums[3]) * shift[1].source[y] * shift[2].source[z];
  gradient.source[1] -= source * shift[1].source_slope[y] * shift[2].source[z];
  gradient.source[2] -= source * shift[1].source[y] * shift[2].source_slope[z];
}

}  // namespace ptus::PTUS_CAPABILITY
