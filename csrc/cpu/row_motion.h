// Motions along a row of the volume. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The motions along one row of the field, where only x varies: motion(x) = slope · x + start, and for translations
// motion(x) = g + start.
template <class R>
struct RowMotion {
  R start[3];
  R slope[3];
};

template <class R>
void motions_of_row(const Motion<R>* motions, int64_t count, bool affine, R y, R z, RowMotion<R>* rows) {
  for (int64_t k = 0; k < count; ++k) {
    for (int i = 0; i < 3; ++i) {
      const R constant = motions[k].linear[i][1] * y + motions[k].linear[i][2] * z + motions[k].offset[i];
      rows[k].start[i] = affine ? constant : motions[k].offset[i];
      rows[k].slope[i] = motions[k].linear[i][0];
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
