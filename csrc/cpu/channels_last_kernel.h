// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Rows (z, y) `begin` to `end` of sample n, copied to a dense channels-last volume.
template <class T>
void pack_rows(T* to, const Volume<const T>& from, int64_t n, int64_t begin, int64_t end) {
  constexpr int64_t most_ahead = int64_t{64} << 10;  // bytes: more would push out of the cache what is at hand
  const int64_t row = from.width * from.channels;
  const bool ahead = from.stride_x == 1 && row * static_cast<int64_t>(sizeof(T)) <= most_ahead;
  for (int64_t r = begin; r < end; ++r) {
    if (ahead && r + 1 < end) {
      prefetch(from.at(n, (r + 1) / from.height, (r + 1) % from.height), from.stride_c, from.channels, from.width);
    }
    copy_matrix(to + r * row, from.channels, 1, from.at(n, r / from.height, r % from.height), from.stride_x,
                from.stride_c, from.width, from.channels);
  }
}

}  // namespace ptus::PTUS_CAPABILITY
