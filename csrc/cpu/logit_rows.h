// The logits of one row of a motion field: where they stand, copied, or resized from a smaller volume.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Logits of one row of the field: logit(k, x), as they stand in the tensor ...
template <class T>
struct LogitRow {
  const T* data;
  int64_t stride_k;

  template <int lanes>
  PTUS_INLINE Vec<Real<T>, lanes> at(int64_t k, int64_t x) const {
    return load<lanes>(data + k * stride_k + x);
  }
};

// ... or between two rows of the resized logits.
template <class R>
struct BlendedLogitRow {
  const R* rows[2];
  R weight[2];
  int64_t stride_k;

  template <int lanes>
  PTUS_INLINE Vec<R, lanes> at(int64_t k, int64_t x) const {
    const int64_t i = k * stride_k + x;
    return weight[0] * load<lanes>(rows[0] + i) + weight[1] * load<lanes>(rows[1] + i);
  }
};

// to[x] += weight * from[x]
template <int lanes, class R, class T>
PTUS_INLINE void add_line(R* to, const T* from, R weight, int64_t width, int64_t x = 0) {
  for (; x + lanes <= width; x += lanes) {
    store<lanes>(to + x, load<lanes>(to + x) + weight * load<lanes>(from + x));
  }
  if constexpr (lanes > 1) add_line<lanes / 2>(to, from, weight, width, x);
}

// to[x] = the x-th element of `from` resized; `from` is followed by kLanes<R> + 1 readable numbers.
template <class R>
void resize_row(const R* from, const ResizeTable<R>& table, R* to) {
  constexpr int lanes = kLanes<R>;
  using I = Vec<std::conditional_t<sizeof(R) == 4, int32_t, int64_t>, lanes>;
  const int32_t *const first = table.index[0].data(), *const second = table.index[1].data();
  const R *const first_weight = table.weight[0].data(), *const second_weight = table.weight[1].data();
  int64_t x = 0;
  // Enlarging, the elements that a vector of results reads fit one vector.
  for (; table.to >= table.from && x + lanes <= table.to; x += lanes) {
    const int32_t base = first[x];
    const I index = __builtin_convertvector((load_raw<Vec<int32_t, lanes>>(first + x) - base), I);
    const Vec<R, lanes> left = __builtin_shuffle(load<lanes>(from + base), index);
    const Vec<R, lanes> right = __builtin_shuffle(load<lanes>(from + base + 1), index);
    store<lanes>(to + x, load<lanes>(first_weight + x) * left + load<lanes>(second_weight + x) * right);
  }
  for (; x < table.to; ++x) to[x] = first_weight[x] * from[first[x]] + second_weight[x] * from[second[x]];
}

// The adjoint: to[j] = the sum of what the results that read element j hand back.
template <class R>
void resize_row_adjoint(const R* from, const ResizeTable<R>& table, R* to) {
  for (int64_t j = 0; j < table.from; ++j) {
    const R* const weight = table.adjoint_weight.data() + table.adjoint_start[j];
    const R* const run = from + table.begin[j];
    R sum = 0;
    for (int32_t i = 0; i < table.count[j]; ++i) sum += weight[i] * run[i];
    to[j] = sum;
  }
}

// How many planes of logits a row of the field is resized from.
template <int rank>
inline constexpr int kPlanesRead = rank == 3 ? 2 : 1;

// The logits of one row of a call's field, whatever their layout or size.
template <class T, int rank>
class LogitReader {
  using R = Real<T>;

 public:
  LogitReader(const ComposeMotion<T, rank>& call, R* buffer) : call_(call), buffer_(buffer) {}

  // Room that a reader needs, in numbers.
  static int64_t buffer_size(const ComposeMotion<T, rank>& call) {
    const int64_t padded = call.logits.width + kLanes<R> + 1;
    return call.resized ? call.logits.channels * (2 * call.width + padded) : call.logits.channels * call.width;
  }

  bool in_place() const { return call_.logits.stride_x == 1; }

  // Asks for the next row, too: each of its motions is in another page.
  LogitRow<T> tensor_row(int64_t n, int64_t z, int64_t y) const {
    const Volume<const T>& logits = call_.logits;
    if (y + 1 < logits.height) prefetch(logits.at(n, z, y + 1), logits.stride_c, logits.channels, logits.width);
    return {logits.at(n, z, y), logits.stride_c};
  }

  LogitRow<R> copied_row(int64_t n, int64_t z, int64_t y) const {
    const Volume<const T>& logits = call_.logits;
    copy_matrix(buffer_, call_.width, 1, logits.at(n, z, y), logits.stride_c, logits.stride_x, logits.channels,
                call_.width);
    return {buffer_, call_.width};
  }

  BlendedLogitRow<R> resized_row(int64_t n, int64_t z, int64_t y) {
    BlendedLogitRow<R> row;
    row.stride_k = call_.width;
    for (int t = 0; t < 2; ++t) {
      row.rows[t] = enlarged(n, z, call_.resize_y.index[t].data()[y]);
      row.weight[t] = call_.resize_y.weight[t].data()[y];
    }
    return row;
  }

 private:
  // Row `y` of the logits, resized along z and x. Neighbouring rows of the field share these, so the last two are kept.
  const R* enlarged(int64_t n, int64_t z, int32_t y) {
    const int slot = y & 1;
    const int64_t count = call_.logits.channels, width = call_.width, from_width = call_.logits.width;
    R* const to = buffer_ + slot * count * width;
    const int64_t plane = n * call_.depth + z;
    if (kept_plane_[slot] == plane && kept_row_[slot] == y) return to;
    kept_plane_[slot] = plane;
    kept_row_[slot] = y;

    const ResizeTable<R>&along_z = call_.resize_z, &along_x = call_.resize_x;
    const int64_t padded = from_width + kLanes<R> + 1;
    R* const low = buffer_ + 2 * count * width;
    const Volume<const T>& logits = call_.logits;
    std::memset(low, 0, count * padded * sizeof(R));
    for (int t = 0; t < kPlanesRead<rank>; ++t) {
      const R weight = along_z.weight[t][z];
      const T* from = logits.at(n, along_z.index[t][z], y);
      for (int64_t k = 0; k < count; ++k) {
        if (logits.stride_x == 1) {
          add_line<kLanes<R>>(low + k * padded, from + k * logits.stride_c, weight, from_width);
        } else {
          for (int64_t x = 0; x < from_width; ++x) {
            low[k * padded + x] += weight * load<1>(from + k * logits.stride_c + x * logits.stride_x)[0];
          }
        }
      }
    }
    for (int64_t k = 0; k < count; ++k) {
      resize_row(low + k * padded, along_x, to + k * width);
    }
    return to;
  }

  const ComposeMotion<T, rank>& call_;
  R* buffer_;
  int64_t kept_plane_[2] = {-1, -1};
  int32_t kept_row_[2] = {-1, -1};
};

}  // namespace ptus::PTUS_CAPABILITY
