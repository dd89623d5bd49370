// Loops of compose_motion and compose_splines over the rows of the motion field. Compiled once for each capability: see
// foreach_capability.h.

// clang-format off
#include "cpu/line_sums.h"
#include "cpu/logit_rows.h"
#include "cpu/row_motion.h"
#include "cpu/spline_rows.h"
#include "cpu/compose_rows.h"
// clang-format on

namespace ptus::PTUS_CAPABILITY {

// The memory of one thread, cut into the arrays it needs.
template <class T, int rank>
class ComposeWorkspace {
  using R = Real<T>;

 public:
  ComposeWorkspace(const ComposeMotion<T, rank>& call, char* memory, bool backward) : next_(memory) {
    const int64_t count = call.logits.channels, width = call.width;
    const int64_t moved_numbers = call.motions.kind == MotionKind::spline ? count * rank * width : 0;
    xs = take<R>(width);
    affine = take<RowMotion<R, rank>>(count);
    moved = take<R>(moved_numbers);
    logits = take<R>(LogitReader<T, rank>::buffer_size(call));
    if (backward) {
      gradient = take<R>(rank * width);
      e = take<R>(count * kLanes<R>);
      sums = take<LaneSums<R, rank>>(count);
      grad_moved = take<R>(moved_numbers);
      grad_row = take<R>(count * width);
      if (call.resized) {
        for (R*& row : low_rows) row = take<R>(count * width);
        for (R*& plane : low_planes) plane = take<R>(count * call.logits.height * call.logits.width);
        low_row = take<R>(call.logits.width);
        unowned = take<Motion<R, rank>>(count);
        unowned_bends = take<Bend<R>>(call.all_bends());
      }
    }
    if (memory == nullptr) return;
    for (int64_t x = 0; x < width; ++x) xs[x] = identity_coordinate<R>(x, width);
    if (backward) std::memset(sums, 0, count * sizeof(LaneSums<R, rank>));
  }

  int64_t bytes() const { return reinterpret_cast<int64_t>(next_); }

  RowMotions<R, rank> motions() const { return {affine, moved, xs}; }

  R *xs, *moved, *logits, *gradient, *e, *grad_moved, *grad_row, *low_rows[2], *low_planes[2], *low_row;
  Motion<R, rank>* unowned;  // take the sums of planes that another thread also computes, and keeps
  Bend<R>* unowned_bends;
  RowMotion<R, rank>* affine;
  LaneSums<R, rank>* sums;

 private:
  template <class Item>
  Item* take(int64_t count) {
    Item* const array = reinterpret_cast<Item*>(next_);
    next_ += (count * static_cast<int64_t>(sizeof(Item)) + 63) / 64 * 64;
    return array;
  }

  char* next_;
};

template <class T, int rank>
int64_t compose_motion_workspace(const ComposeMotion<T, rank>& call, bool backward) {
  return ComposeWorkspace<T, rank>(call, nullptr, backward).bytes();
}

// Sets up the motions of a row of the field.
template <class T, int rank>
void start_row(const ComposeMotion<T, rank>& call, const ComposeWorkspace<T, rank>& work, int64_t n,
               const RowPoint<Real<T>, rank>& point) {
  using R = Real<T>;
  const Motion<R, rank>* const motions = call.motions.of_sample(n);
  for (int64_t k = 0; k < call.logits.channels; ++k) {
    if constexpr (rank == 2) {
      if (call.motions.kind == MotionKind::spline) {
        moved_row(call.motions, n, k, point, work.xs, call.width, work.moved + rank * k * call.width);
        continue;
      }
    }
    work.affine[k] = row_motion(motions[k], point);
    for (int i = 0; call.motions.kind == MotionKind::translation && i < rank; ++i) {
      work.affine[k].start[i] = motions[k].offset[i];
    }
  }
}

// Knows numbers R and not the type of the logits, so that calls of all half types share it.
template <class R, int rank, class Row>
void compose_row_any(MotionKind kind, const Row& logits, int64_t count, const RowMotions<R, rank>& motions,
                     const RowPoint<R, rank>& point, R* out, int64_t width) {
  constexpr int lanes = kLanes<R>;
  if (kind == MotionKind::translation) {
    compose_row<lanes, MotionKind::translation>(logits, count, motions, point, out, width);
  } else if (kind == MotionKind::affine) {
    compose_row<lanes, MotionKind::affine>(logits, count, motions, point, out, width);
  } else if constexpr (rank == 2) {
    compose_row<lanes, MotionKind::spline>(logits, count, motions, point, out, width);
  }
}

// Units `begin` to `end` of the field.
template <class T, int rank>
void compose_motion_units(const ComposeMotion<T, rank>& call, const Volume<Real<T>>& deformation, char* memory,
                          int64_t begin, int64_t end) {
  const ComposeWorkspace<T, rank> work(call, memory, false);
  LogitReader<T, rank> reader(call, work.logits);
  for (int64_t unit = begin; unit < end; ++unit) {
    const ComposeUnit rows(call, unit);
    for (int64_t y = rows.y_begin; y < rows.y_end; ++y) {
      const RowPoint<Real<T>, rank> point(y, call.height, rows.z, call.depth);
      Real<T>* const out = deformation.at(rows.n, rows.z, y);
      start_row(call, work, rows.n, point);
      const auto compose_row_of = [&](const auto& logits) {
        compose_row_any(call.motions.kind, logits, call.logits.channels, work.motions(), point, out, call.width);
      };
      if (call.resized) {
        compose_row_of(reader.resized_row(rows.n, rows.z, y));
      } else if (reader.in_place()) {
        compose_row_of(reader.tensor_row(rows.n, rows.z, y));
      } else {
        compose_row_of(reader.copied_row(rows.n, rows.z, y));
      }
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY

#include "cpu/compose_motion_backward.h"
