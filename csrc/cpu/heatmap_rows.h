// The heatmaps of motion_features, row by row, and what their gradients say about the keypoints.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The heatmap of a covariance at points of row y.
template <int lanes, class R>
PTUS_INLINE Vec<R, lanes> elliptic(const EllipticHeatmap<R>& of, Vec<R, lanes> x, R y) {
  const Vec<R, lanes> dx = x - of.mean[0];
  const R dy = y - of.mean[1], cross = of.precision[0][1] + of.precision[1][0];
  return exp<lanes>(R(-0.5) * ((of.precision[0][0] * dx + cross * dy) * dx + of.precision[1][1] * dy * dy));
}

// to[x] = a · p[x] - b · q[x]
template <int lanes, class R, class Out>
PTUS_INLINE void difference_line(Out* to, R a, const R* p, R b, const R* q, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    store<lanes>(to + x, a * load<lanes>(p + x) - b * load<lanes>(q + x));
  }
  if constexpr (lanes > 1) difference_line<lanes / 2>(to, a, p, b, q, width, x);
}

// to[x] = the heatmap of the driving keypoint less that of the source keypoint
template <int lanes, class R, class Out>
PTUS_INLINE void elliptic_line(Out* to, const OfBoth<EllipticHeatmap<R>>& of, const R* xs, R y, int64_t width,
                               int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    const Vec<R, lanes> at_x = load<lanes>(xs + x);
    store<lanes>(to + x, elliptic<lanes>(of.driving, at_x, y) - elliptic<lanes>(of.source, at_x, y));
  }
  if constexpr (lanes > 1) elliptic_line<lanes / 2>(to, of, xs, y, width, x);
}

// A heatmap in row (z, y); 0 for the background.
template <class T, int rank, class Out>
void heatmap_row(const MotionFeatures<T, rank>& call, int64_t n, int64_t map, int64_t z, int64_t y, Out* to) {
  using R = Real<T>;
  const int64_t width = call.feature.width;
  if (map == 0 || (call.tables != nullptr && call.tables->still(n, map))) {
    std::memset(static_cast<void*>(to), 0, width * sizeof(Out));
  } else if (call.tables != nullptr) {
    const AxisHeatmap<R>* const axes = call.tables->of(n, map);
    difference_line<kLanes<R>>(to, axes[1].driving[y] * axes[2].driving[z], axes[0].driving,
                               axes[1].source[y] * axes[2].source[z], axes[0].source, width);
  } else {
    const R at_y = identity_coordinate<R>(y, call.feature.height);
    elliptic_line<kLanes<R>>(to, call.elliptic->of(n, map), call.xs, at_y, width);
  }
}

// One row of the output's gradient as numbers of type R, in `to`.
template <class R, class T>
PTUS_INLINE void read_row(R* to, const Volume<const T>& gradient, int64_t n, int64_t channel, int64_t z, int64_t y) {
  copy_matrix(to, gradient.width, 1, gradient.at(n, z, y) + channel * gradient.stride_c, gradient.stride_c,
              gradient.stride_x, 1, gradient.width);
}

// Adds what row (z, y) of a heatmap's gradient says about its two keypoints.
template <class R>
void add_heatmap_gradient(const AxisHeatmap<R>* axes, const R* row, int64_t z, int64_t y, int64_t width,
                          HeatmapGradient<R>& gradient) {
  R sums[4][kLanes<R>] = {};
  dot_line<kLanes<R>>(sums[0], row, axes[0].driving, width);
  dot_line<kLanes<R>>(sums[1], row, axes[0].driving_slope, width);
  dot_line<kLanes<R>>(sums[2], row, axes[0].source, width);
  dot_line<kLanes<R>>(sums[3], row, axes[0].source_slope, width);
  const R driving = sum_of_lanes(sums[0]), source = sum_of_lanes(sums[2]);
  gradient.driving[0] += sum_of_lanes(sums[1]) * axes[1].driving[y] * axes[2].driving[z];
  gradient.driving[1] += driving * axes[1].driving_slope[y] * axes[2].driving[z];
  gradient.driving[2] += driving * axes[1].driving[y] * axes[2].driving_slope[z];
  gradient.source[0] -= sum_of_lanes(sums[3]) * axes[1].source[y] * axes[2].source[z];
  gradient.source[1] -= source * axes[1].source_slope[y] * axes[2].source[z];
  gradient.source[2] -= source * axes[1].source[y] * axes[2].source_slope[z];
}

// Σ_x gradient · heatmap, also times d_x and d_x², in lanes
template <int lanes, class R>
PTUS_INLINE void sum_moments(R (&sums)[3][kLanes<R>], const EllipticHeatmap<R>& of, const R* row, const R* xs, R y,
                             int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    const Vec<R, lanes> at_x = load<lanes>(xs + x), dx = at_x - of.mean[0];
    const Vec<R, lanes> share = load<lanes>(row + x) * elliptic<lanes>(of, at_x, y);
    store<lanes>(sums[0], load<lanes>(sums[0]) + share);
    store<lanes>(sums[1], load<lanes>(sums[1]) + share * dx);
    store<lanes>(sums[2], load<lanes>(sums[2]) + share * dx * dx);
  }
  if constexpr (lanes > 1) sum_moments<lanes / 2>(sums, of, row, xs, y, width, x);
}

// Adds the moments of row y of a heatmap's gradient.
template <class R>
void add_elliptic_moments(const EllipticHeatmap<R>& of, const R* row, const R* xs, R y, int64_t width,
                          EllipticMoments<R>& moments) {
  R sums[3][kLanes<R>] = {};
  sum_moments<kLanes<R>>(sums, of, row, xs, y, width);
  const R dy = y - of.mean[1], sum = sum_of_lanes(sums[0]), sum_x = sum_of_lanes(sums[1]);
  moments.first[0] += sum_x;
  moments.first[1] += sum * dy;
  moments.second[0] += sum_of_lanes(sums[2]);
  moments.second[1] += sum_x * dy;
  moments.second[2] += sum * dy * dy;
}

// What the heatmaps of motion k in plane z say about their keypoints; `row` has room for a row.
template <class T, int rank>
void heatmap_gradient_plane(const MotionFeatures<T, rank>& call, const Volume<const T>& grad_output,
                            const PlaneGradients<Real<T>, rank>& gradients, int64_t n, int64_t k, int64_t z,
                            Real<T>* row) {
  using R = Real<T>;
  const int64_t height = call.feature.height, width = call.feature.width;
  const int64_t last = k == 0 ? 1 : 1 + k * call.maps_of_motion();
  for (int64_t map = k == 0 ? 0 : last - call.maps_of_motion(); map < last; ++map) {
    const int64_t result = (n * call.feature.depth + z) * call.maps() + map;
    if (call.tables != nullptr) {
      std::memset(&gradients.heatmaps[result], 0, sizeof(HeatmapGradient<R>));
    } else {
      std::memset(&gradients.moments[result], 0, sizeof(OfBoth<EllipticMoments<R>>));
    }
    for (int64_t y = 0; map > 0 && y < height; ++y) {
      read_row(row, grad_output, n, call.channel_of_map(map), z, y);
      if (call.tables != nullptr) {
        add_heatmap_gradient(call.tables->of(n, map), row, z, y, width, gradients.heatmaps[result]);
      } else {
        const R at_y = identity_coordinate<R>(y, height);
        const OfBoth<EllipticHeatmap<R>>& heatmaps = call.elliptic->of(n, map);
        add_elliptic_moments(heatmaps.driving, row, call.xs, at_y, width, gradients.moments[result].driving);
        add_elliptic_moments(heatmaps.source, row, call.xs, at_y, width, gradients.moments[result].source);
      }
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
