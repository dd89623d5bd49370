// Elementary functions on short vectors. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// e^x within 1 ulp: 2^n times a Taylor polynomial on |r| <= ln(2) / 2. Results below the least normal number are 0.
template <int lanes>
PTUS_INLINE Vec<float, lanes> exp(Vec<float, lanes> x) {
  using V = Vec<float, lanes>;
  using I = Vec<int32_t, lanes>;
  constexpr float kLowest = -87.33654f, kHighest = 88.72283f;
  const V bounded = x < kLowest ? V{} + kLowest : (x > kHighest ? V{} + kHighest : x);
  // Adding 1.5 * 2^23 leaves the rounded integer in the low bits.
  const V shifted = bounded * 1.44269504f + 12582912.0f;
  const V n = shifted - 12582912.0f;
  const V r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f;
  V p = r * (1.0f / 5040) + (1.0f / 720);
  p = p * r + (1.0f / 120);
  p = p * r + (1.0f / 24);
  p = p * r + (1.0f / 6);
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // In two halves, since 2^128 is no float.
  const I whole = bit_cast<I>(shifted) - 0x4b400000;
  const I half = whole >> 1;
  const V result = p * bit_cast<V>((half + 127) << 23) * bit_cast<V>((whole - half + 127) << 23);
  return x < kLowest ? V{} : (x > kHighest ? V{} + HUGE_VALF : result);
}

// Double precision is there to check gradients, not to be fast.
template <int lanes>
PTUS_INLINE Vec<double, lanes> exp(Vec<double, lanes> x) {
  for (int i = 0; i < lanes; ++i) x[i] = std::exp(x[i]);
  return x;
}

template <int lanes, class Real>
PTUS_INLINE Vec<Real, lanes> max(Vec<Real, lanes> a, Vec<Real, lanes> b) {
  return a > b ? a : b;
}

}  // namespace ptus::PTUS_CAPABILITY
