// Loops of compose_motion over the rows of the motion field. Compiled once for each capability: see
// foreach_capability.h.

// clang-format off
#include "cpu/logit_rows.h"
#include "cpu/row_motion.h"
#include "cpu/compose_rows.h"
// clang-format on

namespace ptus::PTUS_CAPABILITY {

// The memory of one thread, cut into the arrays it needs.
template <class T>
class ComposeWorkspace {
  using R = Real<T>;

 public:
  ComposeWorkspace(const ComposeMotion<T>& call, char* memory, bool backward) : next_(memory) {
    const int64_t count = call.logits.channels, width = call.width;
    xs = take<R>(width);
    motions = take<RowMotion<R>>(count);
    logits = take<R>(LogitReader<T>::buffer_size(call));
    if (backward) {
      gradient = take<R>(3 * width);
      e = take<R>(count * kLanes<R>);
      sums = take<LaneSums<R>>(count);
      grad_row = take<R>(count * width);
      if (call.resized) {
        for (R*& row : low_rows) row = take<R>(count * width);
        for (R*& plane : low_planes) plane = take<R>(count * call.logits.height * call.logits.width);
        low_row = take<R>(call.logits.width);
        unowned = take<Motion<R>>(count);
      }
    }
    if (memory == nullptr) return;
    for (int64_t x = 0; x < width; ++x) xs[x] = identity_coordinate<R>(x, width);
    if (backward) std::memset(sums, 0, count * sizeof(LaneSums<R>));
  }

  int64_t bytes() const { return reinterpret_cast<int64_t>(next_); }

  R *xs, *logits, *gradient, *e, *grad_row, *low_rows[2], *low_planes[2], *low_row;
  Motion<R>* unowned;  // takes the sums of planes that another thread also computes, and keeps
  RowMotion<R>* motions;
  LaneSums<R>* sums;

 private:
  template <class Item>
  Item* take(int64_t count) {
    Item* const array = reinterpret_cast<Item*>(next_);
    next_ += (count * static_cast<int64_t>(sizeof(Item)) + 63) / 64 * 64;
    return array;
  }

  char* next_;
};

template <class T>
int64_t compose_motion_workspace(const ComposeMotion<T>& call, bool backward) {
  return ComposeWorkspace<T>(call, nullptr, backward).bytes();
}

// Units `begin` to `end` of the field.
template <class T>
void compose_motion_units(const ComposeMotion<T>& call, const Volume<Real<T>>& deformation, char* memory, int64_t begin,
                          int64_t end) {
  using R = Real<T>;
  constexpr int lanes = kLanes<R>;
  const ComposeWorkspace<T> work(call, memory, false);
  LogitReader<T> reader(call, work.logits);
  const int64_t count = call.logits.channels, width = call.width;
  for (int64_t unit = begin; unit < end; ++unit) {
    const ComposeUnit<T> rows(call, unit);
    const R z = identity_coordinate<R>(rows.z, call.depth);
    for (int64_t row = rows.y_begin; row < rows.y_end; ++row) {
      const R y = identity_coordinate<R>(row, call.height);
      R* const out = deformation.at(rows.n, rows.z, row);
      motions_of_row(call.motions + rows.n * count, count, call.affine, y, z, work.motions);
      if (call.resized) {
        const BlendedLogitRow<R> logits = reader.resized_row(rows.n, rows.z, row);
        if (call.affine) compose_row<lanes, true>(logits, count, work.motions, work.xs, y, z, out, width);
        if (!call.affine) compose_row<lanes, false>(logits, count, work.motions, work.xs, y, z, out, width);
      } else if (reader.in_place()) {
        const LogitRow<T> logits = reader.tensor_row(rows.n, rows.z, row);
        if (call.affine) compose_row<lanes, true>(logits, count, work.motions, work.xs, y, z, out, width);
        if (!call.affine) compose_row<lanes, false>(logits, count, work.motions, work.xs, y, z, out, width);
      } else {
        const LogitRow<R> logits = reader.copied_row(rows.n, rows.z, row);
        if (call.affine) compose_row<lanes, true>(logits, count, work.motions, work.xs, y, z, out, width);
        if (!call.affine) compose_row<lanes, false>(logits, count, work.motions, work.xs, y, z, out, width);
      }
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY

#include "cpu/compose_motion_backward.h"
