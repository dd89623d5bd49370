// Short vectors by GCC's vector extensions, as wide as the capability being compiled for, with loads and stores that
// convert half types to float. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

template <class Real, int lanes>
struct VecOf {
  typedef Real type __attribute__((vector_size(sizeof(Real) * lanes)));
};
template <class Real, int lanes>
using Vec = typename VecOf<Real, lanes>::type;

// How many numbers of type Real fill a register.
template <class Real>
inline constexpr int kLanes = PTUS_VECTOR_BYTES / static_cast<int>(sizeof(Real));

template <class To, class From>
PTUS_INLINE To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof(to));
  return to;
}

template <class V>
PTUS_INLINE V load_raw(const void* from) {
  V vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}

template <int lanes, class Real, std::enable_if_t<std::is_floating_point_v<Real>, int> = 0>
PTUS_INLINE Vec<Real, lanes> load(const Real* from) {
  return load_raw<Vec<Real, lanes>>(from);
}

template <int lanes>
PTUS_INLINE Vec<float, lanes> load(const BFloat16* from) {
  const auto bits = __builtin_convertvector((load_raw<Vec<uint16_t, lanes>>(from)), Vec<uint32_t, lanes>);
  return bit_cast<Vec<float, lanes>>(bits << 16);
}

// Twice as many, split by even and odd place: with no lanes to cross, a pair costs little more than a single vector.
template <int lanes>
struct VecPair {
  Vec<float, lanes> even, odd;
};

template <int lanes>
PTUS_INLINE VecPair<lanes> load_pair(const BFloat16* from) {
  const auto bits = load_raw<Vec<uint32_t, lanes>>(from);
  return {bit_cast<Vec<float, lanes>>(bits << 16), bit_cast<Vec<float, lanes>>(bits & 0xffff0000u)};
}

// The exponent moves by a multiplication, which treats subnormal halves rightly on every processor.
template <int lanes>
PTUS_INLINE Vec<float, lanes> load(const Half* from) {
  const auto bits = __builtin_convertvector((load_raw<Vec<uint16_t, lanes>>(from)), Vec<uint32_t, lanes>);
  const Vec<uint32_t, lanes> sign = (bits & 0x8000u) << 16;
  const Vec<uint32_t, lanes> magnitude = (bits & 0x7fffu) << 13;
  const Vec<float, lanes> scaled = bit_cast<Vec<float, lanes>>(magnitude) * 0x1p112f;
  const Vec<uint32_t, lanes> special = magnitude | 0x7f800000u;  // infinity and NaN keep their mantissa
  const Vec<uint32_t, lanes> finite = bit_cast<Vec<uint32_t, lanes>>(scaled);
  return bit_cast<Vec<float, lanes>>(sign | ((bits & 0x7c00u) == 0x7c00u ? special : finite));
}

template <int lanes, class Real, std::enable_if_t<std::is_floating_point_v<Real>, int> = 0>
PTUS_INLINE void store(Real* to, Vec<Real, lanes> vector) {
  __builtin_memcpy(to, &vector, sizeof(vector));
}

// Halves are rounded to nearest even.
template <int lanes>
PTUS_INLINE Vec<uint32_t, lanes> rounded_to_upper_half(Vec<float, lanes> vector) {
  const auto bits = bit_cast<Vec<uint32_t, lanes>>(vector);
  const Vec<uint32_t, lanes> rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return vector == vector ? rounded : (bits | 0x400000u);
}

template <int lanes>
PTUS_INLINE void store(BFloat16* to, Vec<float, lanes> vector) {
  const auto halves = __builtin_convertvector(rounded_to_upper_half<lanes>(vector) >> 16, Vec<uint16_t, lanes>);
  __builtin_memcpy(to, &halves, sizeof(halves));
}

template <int lanes>
PTUS_INLINE void store_pair(BFloat16* to, const VecPair<lanes>& pair) {
  const Vec<uint32_t, lanes> even = rounded_to_upper_half<lanes>(pair.even) >> 16;
  const Vec<uint32_t, lanes> bits = even | (rounded_to_upper_half<lanes>(pair.odd) & 0xffff0000u);
  __builtin_memcpy(to, &bits, sizeof(bits));
}

template <int lanes>
PTUS_INLINE void store(Half* to, Vec<float, lanes> vector) {
  using U = Vec<uint32_t, lanes>;
  const U bits = bit_cast<U>(vector);
  const U sign = (bits >> 16) & 0x8000u;
  const U magnitude = bits & 0x7fffffffu;
  // Normal: rebias the exponent and round to even on the 13 bits that go. Subnormal: let an addition do the rounding.
  const U normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const U subnormal = bit_cast<U>(bit_cast<Vec<float, lanes>>(magnitude) + 0.5f) - 0x3f000000u;
  const U special = magnitude > 0x7f800000u ? U{} + 0x7e00u : U{} + 0x7c00u;
  U result = magnitude < 0x38800000u ? subnormal : normal;
  result = magnitude >= 0x477ff000u ? special : result;
  const auto halves = __builtin_convertvector(result | sign, Vec<uint16_t, lanes>);
  __builtin_memcpy(to, &halves, sizeof(halves));
}

template <class Real, int lanes>
PTUS_INLINE Vec<Real, lanes> broadcast(Real value) {
  return Vec<Real, lanes>{} + value;
}

// The sum of the lanes, in halving steps.
template <int lanes, class Real>
PTUS_INLINE Real sum_lanes(Vec<Real, lanes> vector) {
  if constexpr (lanes == 1) {
    return vector[0];
  } else {
    Vec<Real, lanes / 2> half[2];
    __builtin_memcpy(half, &vector, sizeof(vector));
    return sum_lanes<lanes / 2, Real>(half[0] + half[1]);
  }
}

}  // namespace ptus::PTUS_CAPABILITY
