// Loops of soft_argmax over planes of logits. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// `count` numbers, fewer than a vector holds, and `fill` behind them.
template <int lanes, class R, class T>
PTUS_INLINE Vec<R, lanes> load_some(const T* from, int64_t count, R fill) {
  R numbers[lanes];
  for (int i = 0; i < lanes; ++i) numbers[i] = fill;
  for (int64_t i = 0; i < count; ++i) numbers[i] = load<1>(from + i)[0];
  return load<lanes>(numbers);
}

template <class R, class T>
R highest_of_plane(const T* plane, int64_t stride_y, int64_t height, int64_t width) {
  constexpr int lanes = kLanes<R>;
  using V = Vec<R, lanes>;
  const R lowest = -static_cast<R>(HUGE_VAL);
  V highest = broadcast<R, lanes>(lowest);
  for (int64_t y = 0; y < height; ++y) {
    const T* const row = plane + y * stride_y;
    int64_t x = 0;
    for (; x + lanes <= width; x += lanes) highest = max<lanes, R>(load<lanes>(row + x), highest);
    if (x < width) highest = max<lanes, R>(load_some<lanes>(row + x, width - x, lowest), highest);
  }
  R result = highest[0];
  for (int i = 1; i < lanes; ++i) result = highest[i] > result ? highest[i] : result;
  return result;
}

// Rows are added up in double precision: where one voxel has nearly all of the weight, the gradient lives on what the
// others have. xs is padded to whole vectors.
template <class R, class T>
PlaneSums<R> sum_plane(const T* plane, int64_t stride_y, int64_t height, int64_t width, const R* xs, const R* ys,
                       R scale) {
  constexpr int lanes = kLanes<R>;
  using V = Vec<R, lanes>;
  using Wide = Vec<double, lanes>;
  const R lowest = -static_cast<R>(HUGE_VAL);
  const R highest = highest_of_plane<R>(plane, stride_y, height, width);
  // A plane that is -infinity throughout weighs nothing beside the others.
  const R origin = highest == lowest ? R(0) : highest;
  Wide sum = {}, sum_x = {}, sum_y = {};
  for (int64_t y = 0; y < height; ++y) {
    const T* const row = plane + y * stride_y;
    V weight = {}, weight_x = {};
    int64_t x = 0;
    for (; x + lanes <= width; x += lanes) {
      const V e = exp_of_nonpositive<lanes>((load<lanes>(row + x) - origin) * scale);
      weight += e;
      weight_x += e * load<lanes>(xs + x);
    }
    if (x < width) {
      const V e = exp_of_nonpositive<lanes>((load_some<lanes>(row + x, width - x, lowest) - origin) * scale);
      weight += e;
      weight_x += e * load<lanes>(xs + x);
    }
    const Wide wide = __builtin_convertvector(weight, Wide);
    sum += wide;
    sum_x += __builtin_convertvector(weight_x, Wide);
    sum_y += wide * static_cast<double>(ys[y]);
  }
  return {highest, sum_lanes<lanes, double>(sum), sum_lanes<lanes, double>(sum_x), sum_lanes<lanes, double>(sum_y)};
}

// The sums of units `begin` to `end`, to sums[(n, k, z)].
template <class T>
void soft_argmax_units(const SoftArgmax<T>& of, PlaneSums<Real<T>>* sums, int64_t begin, int64_t end) {
  using R = Real<T>;
  const Volume<const T>& logits = of.logits;
  const int64_t height = logits.height, width = logits.width, plane = height * width;
  const Scratch scratch(of.in_place() ? 0 : kKeypointBlock * plane * static_cast<int64_t>(sizeof(R)));
  R* const copy = scratch.as<R>();
  for (int64_t i = begin; i < end; ++i) {
    const SoftArgmaxUnit unit(of, i);
    const T* const from = logits.at(unit.n, unit.z, 0) + unit.first * logits.stride_c;
    PlaneSums<R>* const to = sums + (unit.n * logits.channels + unit.first) * logits.depth + unit.z;
    if (of.in_place()) {
      *to = sum_plane(from, logits.stride_y, height, width, of.xs, of.ys, of.scale);
      continue;
    }
    for (int64_t y = 0; y < height; ++y) {
      copy_matrix(copy + y * width, plane, 1, from + y * logits.stride_y, logits.stride_c, logits.stride_x, unit.count,
                  width);
    }
    for (int64_t k = 0; k < unit.count; ++k) {
      to[k * logits.depth] = sum_plane<R>(copy + k * plane, width, height, width, of.xs, of.ys, of.scale);
    }
  }
}

// e · (slope · (x - mean) + rest), the gradient of a row of logits.
template <int lanes, class R, class T, class Out>
PTUS_INLINE void soft_argmax_gradient_row(Out* out, const T* row, const R* xs, R highest, R scale, R slope,
                                          const Rounded<R>& mean, R rest, int64_t count, int64_t x = 0) {
  for (; x + lanes <= count; x += lanes) {
    const Vec<R, lanes> e = exp_of_nonpositive<lanes>((load<lanes>(row + x) - highest) * scale);
    const Vec<R, lanes> offset = load<lanes>(xs + x) - mean.value - mean.rest;
    store<lanes>(out + x, e * (slope * offset + rest));
  }
  if constexpr (lanes > 1) {
    soft_argmax_gradient_row<lanes / 2>(out, row, xs, highest, scale, slope, mean, rest, count, x);
  }
}

// The gradient of the logits of units `begin` to `end`; slopes are (n, k).
template <class T>
void soft_argmax_gradient_units(const SoftArgmax<T>& of, const KeypointSlope<Real<T>>* slopes,
                                const Volume<T>& grad_logits, int64_t begin, int64_t end) {
  using R = Real<T>;
  const Volume<const T>& logits = of.logits;
  const int64_t width = logits.width, matrix = of.keypoints_of_unit() * width;
  const bool reads_in_place = of.in_place(), writes_in_place = grad_logits.stride_x == 1;
  const Scratch scratch(2 * matrix * static_cast<int64_t>(sizeof(T)));
  T* const read = scratch.as<T>();
  T* const written = read + matrix;
  for (int64_t i = begin; i < end; ++i) {
    const SoftArgmaxUnit unit(of, i);
    const R z = static_cast<R>(identity_coordinate<double>(unit.z, logits.depth));
    for (int64_t y = 0; y < logits.height; ++y) {
      const T* const from = logits.at(unit.n, unit.z, y) + unit.first * logits.stride_c;
      T* const to = grad_logits.at(unit.n, unit.z, y) + unit.first * grad_logits.stride_c;
      if (!reads_in_place) {
        copy_matrix(read, width, 1, from, logits.stride_c, logits.stride_x, unit.count, width);
      }
      for (int64_t k = 0; k < unit.count; ++k) {
        const KeypointSlope<R>& slope = slopes[unit.n * logits.channels + unit.first + k];
        const R rest = slope.gradient[1] * (of.ys[y] - slope.mean[1].value - slope.mean[1].rest) +
                       slope.gradient[2] * (z - slope.mean[2].value - slope.mean[2].rest);
        soft_argmax_gradient_row<kLanes<R>>(writes_in_place ? to + k * grad_logits.stride_c : written + k * width,
                                            reads_in_place ? from + k * logits.stride_c : read + k * width, of.xs,
                                            slope.highest, of.scale, slope.gradient[0], slope.mean[0], rest, width);
      }
      if (!writes_in_place) {
        copy_matrix(to, grad_logits.stride_c, grad_logits.stride_x, static_cast<const T*>(written), width, 1,
                    unit.count, width);
      }
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
