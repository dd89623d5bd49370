// Thin-plate splines along a row of an image, and the adjoint of that. Compiled once for each capability: see
// foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Adds the bends of one control point to moved points x, to[0][x] and to[1][x].
template <int lanes, class R>
PTUS_INLINE void add_bend(R* const (&to)[2], const Bend<R>& bend, const R* xs, R y, int64_t width, int64_t x = 0) {
  const R dy = y - bend.point[1], dy2 = dy * dy;
  for (; x + lanes <= width; x += lanes) {
    const Vec<R, lanes> dx = load<lanes>(xs + x) - bend.point[0];
    const Vec<R, lanes> distance = dx * dx + dy2;
    const Vec<R, lanes> basis = distance * log<lanes>(distance + static_cast<R>(kSplineEpsilon));
    for (int i = 0; i < 2; ++i) store<lanes>(to[i] + x, load<lanes>(to[i] + x) + bend.weight[i] * basis);
  }
  if constexpr (lanes > 1) add_bend<lanes / 2>(to, bend, xs, y, width, x);
}

template <int lanes, class R>
PTUS_INLINE void affine_row(R* to, R start, R slope, const R* xs, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) store<lanes>(to + x, slope * load<lanes>(xs + x) + start);
  if constexpr (lanes > 1) affine_row<lanes / 2>(to, start, slope, xs, width, x);
}

// Where motion k of sample n takes the points of a row: x coordinates, then y coordinates.
template <class R>
void moved_row(const Motions<R, 2>& motions, int64_t n, int64_t k, const RowPoint<R, 2>& row, const R* xs,
               int64_t width, R* to) {
  R* const rows[2] = {to, to + width};
  const RowMotion<R, 2> affine = row_motion(motions.of_sample(n)[k], row);
  for (int i = 0; i < 2; ++i) affine_row<kLanes<R>>(rows[i], affine.start[i], affine.slope[i], xs, width);
  for (int64_t j = 0; j < motions.points_of(k); ++j) {
    add_bend<kLanes<R>>(rows, motions.bends_of(n, k)[j], xs, row.g[1], width);
  }
}

// What the gradients of a row of moved points say about one control point.
template <class R>
struct BendSums {
  R point[2][kLanes<R>];
  R weight[2][kLanes<R>];
};

template <int lanes, class R>
PTUS_INLINE void sum_bend_gradient(BendSums<R>& sums, const Bend<R>& bend, const R* const (&gradient)[2], const R* xs,
                                   R y, int64_t width, int64_t x = 0) {
  using V = Vec<R, lanes>;
  const R dy = y - bend.point[1], dy2 = dy * dy;
  for (; x + lanes <= width; x += lanes) {
    const V dx = load<lanes>(xs + x) - bend.point[0];
    const V distance = dx * dx + dy2, from_zero = distance + static_cast<R>(kSplineEpsilon);
    const V logarithm = log<lanes>(from_zero);
    const V g[2] = {load<lanes>(gradient[0] + x), load<lanes>(gradient[1] + x)};
    const V basis = distance * logarithm;
    const V slope = -2 * (logarithm + distance / from_zero) * (g[0] * bend.weight[0] + g[1] * bend.weight[1]);
    for (int i = 0; i < 2; ++i) store<lanes>(sums.weight[i], load<lanes>(sums.weight[i]) + g[i] * basis);
    store<lanes>(sums.point[0], load<lanes>(sums.point[0]) + slope * dx);
    store<lanes>(sums.point[1], load<lanes>(sums.point[1]) + slope * dy);
  }
  if constexpr (lanes > 1) sum_bend_gradient<lanes / 2>(sums, bend, gradient, xs, y, width, x);
}

// Adds what the gradients of a row of moved points say about motion k of sample n: to its affine part and its bends.
template <class R>
void add_moved_row_gradient(const Motions<R, 2>& motions, int64_t n, int64_t k, const RowPoint<R, 2>& row, const R* xs,
                            int64_t width, const R* gradient, Motion<R, 2>& of_affine, Bend<R>* of_bends) {
  const R* const rows[2] = {gradient, gradient + width};
  for (int i = 0; i < 2; ++i) {
    R sums[2][kLanes<R>] = {};
    sum_line<kLanes<R>>(sums[0], rows[i], width);
    dot_line<kLanes<R>>(sums[1], rows[i], xs, width);
    const R sum = sum_of_lanes(sums[0]);
    of_affine.offset[i] += sum;
    of_affine.linear[i][0] += sum_of_lanes(sums[1]);
    of_affine.linear[i][1] += sum * row.g[1];
  }
  for (int64_t j = 0; j < motions.points_of(k); ++j) {
    BendSums<R> sums = {};
    sum_bend_gradient<kLanes<R>>(sums, motions.bends_of(n, k)[j], rows, xs, row.g[1], width);
    for (int i = 0; i < 2; ++i) {
      of_bends[j].point[i] += sum_of_lanes(sums.point[i]);
      of_bends[j].weight[i] += sum_of_lanes(sums.weight[i]);
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
