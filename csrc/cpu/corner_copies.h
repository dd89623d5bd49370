// The voxels that a tile of points reads, copied so that their channels lie side by side: where the points are few,
// that is less than copying the whole volume. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Does nothing for a volume whose channels lie side by side already.
template <class T, class R, int rank>
class CornerCopies {
 public:
  explicit CornerCopies(const Volume<const T>& volume)
      : needed_(!has_channels_last(volume)),
        channels_(volume.channels),
        stride_c_(volume.stride_c),
        copies_(needed_ ? kTile * kCorners * channels_ * static_cast<int64_t>(sizeof(T)) : 0) {}

  // Makes the stencil read copies of what it reads from `sample`; returns where they are.
  const T* read(Stencil<R, rank>& stencil, int points, const T* sample) const {
    if (!needed_) return sample;
    T* const copies = copies_.template as<T>();
    for (int p = 0; p < points; ++p) {
      if (!stencil.inside[p]) continue;
      copy_point(stencil, p, sample, copies + p * kCorners * channels_, std::make_integer_sequence<int, kCorners>{});
      for (int a = 0; a < rank; ++a) {
        stencil.offset[a][0][p] = a == 0 ? p * kCorners * channels_ : 0;
        stencil.offset[a][1][p] = stencil.offset[a][0][p] + (int64_t{1} << a) * channels_;
      }
    }
    return copies;
  }

 private:
  static constexpr int kCorners = Stencil<R, rank>::corners;

  template <int... corner>
  void copy_point(const Stencil<R, rank>& stencil, int p, const T* sample, T* to,
                  std::integer_sequence<int, corner...>) const {
    const T* const from[kCorners] = {sample + stencil.template corner_offset<corner>(p)...};
    // Channel by channel: neighbours along x share a line of the cache.
    for (int64_t c = 0; c < channels_; ++c) {
      for (int i = 0; i < kCorners; ++i) to[i * channels_ + c] = from[i][c * stride_c_];
    }
  }

  const bool needed_;
  const int64_t channels_, stride_c_;
  const Scratch copies_;
};

}  // namespace ptus::PTUS_CAPABILITY
