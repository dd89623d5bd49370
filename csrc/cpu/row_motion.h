// Motions along a row of a volume or an image. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The coordinates that all points of a row share: g[0] is not used.
template <class R, int rank>
struct RowPoint {
  R g[rank];

  RowPoint(int64_t y, int64_t height, int64_t z, int64_t depth) {
    g[0] = 0;
    g[1] = identity_coordinate<R>(y, height);
    if constexpr (rank == 3) g[2] = identity_coordinate<R>(z, depth);
  }
};

// An affine motion along one row, where only x varies: motion(x) = slope · x + start.
template <class R, int rank>
struct RowMotion {
  R start[rank];
  R slope[rank];
};

template <class R, int rank>
RowMotion<R, rank> row_motion(const Motion<R, rank>& motion, const RowPoint<R, rank>& row) {
  RowMotion<R, rank> of_row;
  for (int i = 0; i < rank; ++i) {
    R constant = motion.linear[i][1] * row.g[1];
    for (int j = 2; j < rank; ++j) constant += motion.linear[i][j] * row.g[j];
    of_row.start[i] = constant + motion.offset[i];
    of_row.slope[i] = motion.linear[i][0];
  }
  return of_row;
}

}  // namespace ptus::PTUS_CAPABILITY
