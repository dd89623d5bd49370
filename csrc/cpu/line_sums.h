// Sums along a row, in the lanes of a vector. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Σ_x a[x], added to lane sums
template <int lanes, class R>
PTUS_INLINE void sum_line(R* sums, const R* a, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) store<lanes>(sums, load<lanes>(sums) + load<lanes>(a + x));
  if constexpr (lanes > 1) sum_line<lanes / 2>(sums, a, width, x);
}

// Σ_x a[x] · b[x], added to lane sums
template <int lanes, class R>
PTUS_INLINE void dot_line(R* sums, const R* a, const R* b, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    store<lanes>(sums, load<lanes>(sums) + load<lanes>(a + x) * load<lanes>(b + x));
  }
  if constexpr (lanes > 1) dot_line<lanes / 2>(sums, a, b, width, x);
}

template <class R>
R sum_of_lanes(const R (&sums)[kLanes<R>]) {
  return sum_lanes<kLanes<R>, R>(load<kLanes<R>>(sums));
}

}  // namespace ptus::PTUS_CAPABILITY
