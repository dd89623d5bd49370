// What spade_modulate does to a line of numbers that lie side by side. Compiled once for each capability: see
// foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The sum of x - origin, or of its squares, over a line.
template <bool squared, class R, class T>
PTUS_INLINE R sum_off(const T* line, int64_t count, R origin) {
  constexpr int lanes = kLanes<R>, chains = 4;  // several sums at a time, since each addition waits for the one before
  Vec<R, lanes> sums[chains] = {};
  int64_t i = 0;
  for (; i + chains * lanes <= count; i += chains * lanes) {
    for (int k = 0; k < chains; ++k) {
      const Vec<R, lanes> off = load<lanes>(line + i + k * lanes) - origin;
      sums[k] += squared ? off * off : off;
    }
  }
  for (; i + lanes <= count; i += lanes) {
    const Vec<R, lanes> off = load<lanes>(line + i) - origin;
    sums[0] += squared ? off * off : off;
  }
  R rest = 0;
  for (; i < count; ++i) {
    const R off = load<1>(line + i)[0] - origin;
    rest += squared ? off * off : off;
  }
  return sum_lanes<lanes, R>((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest;
}

// Of a line that is short enough to be in the cache when it is read again.
template <class R, class T>
PTUS_INLINE Moments<double> moments_of_line(const T* line, int64_t count) {
  const R mean = sum_off<false, R>(line, count, R(0)) / static_cast<R>(count);
  return {static_cast<double>(count), static_cast<double>(mean),
          static_cast<double>(sum_off<true, R>(line, count, mean))};
}

// Where mean and inverse deviation belong to the line, or to each of its numbers.
template <int lanes, class R>
PTUS_INLINE Vec<R, lanes> at_place(R number, int64_t) {
  return broadcast<R, lanes>(number);
}
template <int lanes, class R>
PTUS_INLINE Vec<R, lanes> at_place(const R* numbers, int64_t i) {
  return load<lanes>(numbers + i);
}

template <int lanes, class R, class T, class S>
PTUS_INLINE void normalise_line(R* to, const T* x, S mean, S inverse_deviation, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) {
    const Vec<R, lanes> centred = load<lanes>(x + i) - at_place<lanes, R>(mean, i);
    store<lanes>(to + i, centred * at_place<lanes, R>(inverse_deviation, i));
  }
  if constexpr (lanes > 1) normalise_line<lanes / 2>(to, x, mean, inverse_deviation, count, i);
}

// Each number `scale` times.
template <class R>
PTUS_INLINE void repeat_line(R* __restrict__ to, const R* __restrict__ from, int64_t count, int64_t scale) {
  if (scale == 2) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) to[2 * i] = to[2 * i + 1] = from[i];
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < scale; ++j) to[i * scale + j] = from[i];
  }
}

// The sums of each `scale` numbers.
template <class R>
PTUS_INLINE void fold_line(R* __restrict__ to, const R* __restrict__ from, int64_t count, int64_t scale) {
  if (scale == 2) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) to[i] = from[2 * i] + from[2 * i + 1];
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    R sum = 0;
    for (int64_t j = 0; j < scale; ++j) sum += from[i * scale + j];
    to[i] = sum;
  }
}

template <int lanes, class R, class T>
PTUS_INLINE void modulate_line(T* to, const R* normalised, const T* gamma, const T* beta, R negative_slope,
                               int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) {
    const Vec<R, lanes> value =
        modulate<Vec<R, lanes>>(load<lanes>(normalised + i), load<lanes>(gamma + i), load<lanes>(beta + i));
    store<lanes>(to + i, leaky_relu(value, negative_slope));
  }
  if constexpr (lanes > 1) modulate_line<lanes / 2>(to, normalised, gamma, beta, negative_slope, count, i);
}

// The inputs of a line's gradients and where these go, null where they are not asked for.
template <class T>
struct ModulatedLine {
  const T *gradient, *gamma, *beta;
  T *grad_gamma, *grad_beta;
};

// Sums over a line, of the gradient of the normalised numbers and of its products with them.
template <class R>
struct PassedSums {
  R plain, products;
};

// Writes the gradient of the normalised numbers to `passed`, or adds it to what is there.
template <int lanes, class R, class T>
PTUS_INLINE PassedSums<R> modulate_gradient_line(const ModulatedLine<T>& line, const R* normalised, R* passed,
                                                 bool adds, R negative_slope, int64_t count, int64_t i = 0) {
  using V = Vec<R, lanes>;
  V plain = {}, products = {};
  for (; i + lanes <= count; i += lanes) {
    const V x = load<lanes>(normalised + i), gamma = load<lanes>(line.gamma + i);
    const V value = modulate<V>(x, gamma, load<lanes>(line.beta + i));
    const V gradient = leaky_relu_slope<V>(load<lanes>(line.gradient + i), value, negative_slope);
    if (line.grad_beta != nullptr) store<lanes>(line.grad_beta + i, gradient);
    if (line.grad_gamma != nullptr) store<lanes>(line.grad_gamma + i, gradient * x);
    if (passed == nullptr) continue;
    const V more = gradient * (1 + gamma);
    plain += more;
    products += more * x;
    store<lanes>(passed + i, adds ? load<lanes>(passed + i) + more : more);
  }
  PassedSums<R> sums = {sum_lanes<lanes, R>(plain), sum_lanes<lanes, R>(products)};
  if constexpr (lanes > 1) {
    const PassedSums<R> rest =
        modulate_gradient_line<lanes / 2>(line, normalised, passed, adds, negative_slope, count, i);
    sums.plain += rest.plain;
    sums.products += rest.products;
  }
  return sums;
}

// The gradient of x: what passes, less its mean and what lies along the normalised x.
template <int lanes, class R, class T, class S>
PTUS_INLINE void normalise_gradient_line(T* to, const R* passed, const T* x, S mean, S inverse_deviation, S mean_passed,
                                         S mean_product, int64_t count, int64_t i = 0) {
  using V = Vec<R, lanes>;
  for (; i + lanes <= count; i += lanes) {
    const V inverse = at_place<lanes, R>(inverse_deviation, i);
    const V normalised = (load<lanes>(x + i) - at_place<lanes, R>(mean, i)) * inverse;
    const V off = load<lanes>(passed + i) - at_place<lanes, R>(mean_passed, i);
    store<lanes>(to + i, inverse * (off - normalised * at_place<lanes, R>(mean_product, i)));
  }
  if constexpr (lanes > 1) {
    normalise_gradient_line<lanes / 2>(to, passed, x, mean, inverse_deviation, mean_passed, mean_product, count, i);
  }
}

template <int lanes, class R, class T>
PTUS_INLINE void add_line(R* to, const T* line, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) store<lanes>(to + i, load<lanes>(to + i) + load<lanes>(line + i));
  if constexpr (lanes > 1) add_line<lanes / 2>(to, line, count, i);
}

template <int lanes, class R>
PTUS_INLINE void add_products_line(R* to, const R* a, const R* b, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) {
    store<lanes>(to + i, load<lanes>(to + i) + load<lanes>(a + i) * load<lanes>(b + i));
  }
  if constexpr (lanes > 1) add_products_line<lanes / 2>(to, a, b, count, i);
}

// Adds the squares of what a line is off its means.
template <int lanes, class R, class T>
PTUS_INLINE void add_squares_line(R* to, const T* line, const R* mean, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) {
    const Vec<R, lanes> off = load<lanes>(line + i) - load<lanes>(mean + i);
    store<lanes>(to + i, load<lanes>(to + i) + off * off);
  }
  if constexpr (lanes > 1) add_squares_line<lanes / 2>(to, line, mean, count, i);
}

}  // namespace ptus::PTUS_CAPABILITY
