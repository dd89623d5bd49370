// Elementary functions on short vectors. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// 2^n times a Taylor polynomial on |r| <= ln(2) / 2, where x = n ln(2) + r. Adding 1.5 * 2^23 leaves the rounded
// integer n in the low bits of `shifted`.
template <int lanes>
struct ReducedExp {
  using V = Vec<float, lanes>;
  V shifted, polynomial;

  PTUS_INLINE explicit ReducedExp(V x) : shifted(x * 1.44269504f + 12582912.0f) {
    const V n = shifted - 12582912.0f;
    const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V p = r * (1.0f / 5040) + (1.0f / 720);
    p = p * r + (1.0f / 120);
    p = p * r + (1.0f / 24);
    p = p * r + (1.0f / 6);
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    polynomial = p * r + 1.0f;
  }
};

inline constexpr float kLowestExponent = -87.33654f;  // of the least normal number

// e^x within 1 ulp. Results below the least normal number are 0.
template <int lanes>
PTUS_INLINE Vec<float, lanes> exp(Vec<float, lanes> x) {
  using V = Vec<float, lanes>;
  using I = Vec<int32_t, lanes>;
  constexpr float kHighest = 88.72283f;
  const ReducedExp<lanes> e(x < kLowestExponent ? V{} + kLowestExponent : (x > kHighest ? V{} + kHighest : x));
  // In two halves, since 2^128 is no float.
  const I whole = bit_cast<I>(e.shifted) - 0x4b400000;
  const I half = whole >> 1;
  const V result = e.polynomial * bit_cast<V>((half + 127) << 23) * bit_cast<V>((whole - half + 127) << 23);
  return x < kLowestExponent ? V{} : (x > kHighest ? V{} + HUGE_VALF : result);
}

// The same for x <= 0, as in a softmax: n goes straight to the exponent, in fewer instructions.
template <int lanes>
PTUS_INLINE Vec<float, lanes> exp_of_nonpositive(Vec<float, lanes> x) {
  using V = Vec<float, lanes>;
  using U = Vec<uint32_t, lanes>;
  const V lowest = V{} + kLowestExponent;
  const ReducedExp<lanes> e(lowest > x ? lowest : x);
  const V result = e.polynomial * bit_cast<V>((bit_cast<U>(e.shifted) << 23) + 0x3f800000u);
  return x < kLowestExponent ? V{} : result;
}

// The natural logarithm of normal numbers within 2 ulp; what it gives for others is some finite number. x = m 2^n with
// m between √½ and √2, and log(m) = 2 artanh((m - 1) / (m + 1)) by its series.
template <int lanes>
PTUS_INLINE Vec<float, lanes> log(Vec<float, lanes> x) {
  using V = Vec<float, lanes>;
  using I = Vec<int32_t, lanes>;
  constexpr int32_t kRootOfHalf = 0x3f3504f3;
  const I exponent = (bit_cast<I>(x) - kRootOfHalf) >> 23;
  const V m = bit_cast<V>(bit_cast<I>(x) - (exponent << 23)) - 1.0f;  // less 1, exactly
  const V s = m / (m + 2.0f), z = s * s;
  V p = z * (1.0f / 9) + (1.0f / 7);
  p = p * z + (1.0f / 5);
  p = p * z + (1.0f / 3);
  const V n = __builtin_convertvector(exponent, V);
  // 2 s = m - s m: the sum's largest part is exact.
  const V tail = 2.0f * s * z * p - s * m;
  return n * 0.693359375f + (m + (tail - n * 2.12194440e-4f));
}

// Double precision is there to check gradients, not to be fast.
template <int lanes>
PTUS_INLINE Vec<double, lanes> log(Vec<double, lanes> x) {
  for (int i = 0; i < lanes; ++i) x[i] = std::log(x[i]);
  return x;
}

template <int lanes>
PTUS_INLINE Vec<double, lanes> exp(Vec<double, lanes> x) {
  for (int i = 0; i < lanes; ++i) x[i] = std::exp(x[i]);
  return x;
}

template <int lanes>
PTUS_INLINE Vec<double, lanes> exp_of_nonpositive(Vec<double, lanes> x) {
  return exp<lanes>(x);
}

template <int lanes, class Real>
PTUS_INLINE Vec<Real, lanes> max(Vec<Real, lanes> a, Vec<Real, lanes> b) {
  return a > b ? a : b;
}

}  // namespace ptus::PTUS_CAPABILITY
