// The gradients of compose_motion and compose_splines. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Sets up a row of the field: its motions, and the gradient that came back for it.
template <class T, int rank>
void start_backward_row(const ComposeMotion<T, rank>& call, const Volume<const Real<T>>& deformation,
                        const ComposeWorkspace<T, rank>& work, int64_t n, int64_t z, int64_t y) {
  start_row(call, work, n, RowPoint<Real<T>, rank>(y, call.height, z, call.depth));
  copy_matrix(work.gradient, call.width, 1, deformation.at(n, z, y), deformation.stride_c, deformation.stride_x, rank,
              call.width);
}

// As compose_row_any.
template <class R, int rank, class Row, class Out>
void compose_row_backward_any(MotionKind kind, const Row& logits, int64_t count, const RowMotions<R, rank>& motions,
                              const R* gradient, R* e, const LogitGradients<Out>& grad_logits,
                              const RowMotionGradients<R, rank>& to, int64_t width) {
  constexpr int lanes = kLanes<R>;
  if (kind == MotionKind::translation) {
    compose_row_backward<lanes, MotionKind::translation>(logits, count, motions, gradient, e, grad_logits, to, width);
  } else if (kind == MotionKind::affine) {
    compose_row_backward<lanes, MotionKind::affine>(logits, count, motions, gradient, e, grad_logits, to, width);
  } else if constexpr (rank == 2) {
    compose_row_backward<lanes, MotionKind::spline>(logits, count, motions, gradient, e, grad_logits, to, width);
  }
}

template <class T, int rank, class Row, class Out>
void compose_row_backward_of(const ComposeMotion<T, rank>& call, const ComposeWorkspace<T, rank>& work,
                             const Row& logits, const LogitGradients<Out>& grad_logits) {
  compose_row_backward_any(call.motions.kind, logits, call.logits.channels, work.motions(), work.gradient, work.e,
                           grad_logits, RowMotionGradients<Real<T>, rank>{work.sums, work.grad_moved}, call.width);
}

// The gradients of the motions of one unit: those of its rows are added up.
template <class R, int rank>
struct UnitGradients {
  Motion<R, rank>* motions;  // K + 1
  Bend<R>* bends;            // (K, P)

  template <class T>
  UnitGradients(const ComposeMotion<T, rank>& call, Motion<R, rank>* motions, Bend<R>* bends)
      : motions(motions), bends(bends) {
    std::memset(static_cast<void*>(motions), 0, call.logits.channels * sizeof(Motion<R, rank>));
    if (call.all_bends() > 0) std::memset(static_cast<void*>(bends), 0, call.all_bends() * sizeof(Bend<R>));
  }
};

// The sums of a row go to the motions' gradients at once where they depend on the row, otherwise after the last one.
template <class T, int rank>
void fold_row(const ComposeMotion<T, rank>& call, const ComposeWorkspace<T, rank>& work, int64_t n, int64_t z,
              int64_t y, bool last, const UnitGradients<Real<T>, rank>& to) {
  const RowPoint<Real<T>, rank> point(y, call.height, z, call.depth);
  const MotionKind kind = call.motions.kind;
  if (kind == MotionKind::affine || (kind == MotionKind::translation && last)) {
    fold_sums(work.sums, call.logits.channels, point, to.motions);
  }
  if constexpr (rank == 2) {
    for (int64_t k = 0; kind == MotionKind::spline && k < call.logits.channels; ++k) {
      add_moved_row_gradient(call.motions, n, k, point, work.xs, call.width, work.grad_moved + rank * k * call.width,
                             to.motions[k], to.bends + std::max<int64_t>(0, k - 1) * call.motions.points);
    }
  }
}

// Gradients of units `begin` to `end`, of logits that are not resized.
template <class T, int rank>
void compose_motion_backward_units(const ComposeMotion<T, rank>& call, const ComposeMotionGradients<T, rank>& gradients,
                                   char* memory, int64_t begin, int64_t end) {
  using R = Real<T>;
  const ComposeWorkspace<T, rank> work(call, memory, true);
  const LogitReader<T, rank> reader(call, work.logits);
  const int64_t count = call.logits.channels, width = call.width;
  const Volume<T>& grad_logits = gradients.logits;
  const bool wanted = grad_logits.data != nullptr;
  for (int64_t unit = begin; unit < end; ++unit) {
    const ComposeUnit rows(call, unit);
    const UnitGradients<R, rank> of_unit(call, gradients.of_units + unit * count,
                                         gradients.bends_of_units + unit * call.all_bends());
    for (int64_t y = rows.y_begin; y < rows.y_end; ++y) {
      start_backward_row(call, gradients.deformation, work, rows.n, rows.z, y);
      if (reader.in_place() && (!wanted || grad_logits.stride_x == 1)) {
        T* const to = wanted ? grad_logits.at(rows.n, rows.z, y) : nullptr;
        compose_row_backward_of(call, work, reader.tensor_row(rows.n, rows.z, y),
                                LogitGradients<T>{to, grad_logits.stride_c});
      } else {
        R* const to = wanted ? work.grad_row : nullptr;
        compose_row_backward_of(call, work, reader.copied_row(rows.n, rows.z, y), LogitGradients<R>{to, width});
        if (wanted) {
          copy_matrix(grad_logits.at(rows.n, rows.z, y), grad_logits.stride_c, grad_logits.stride_x, to, width, 1,
                      count, width);
        }
      }
      fold_row(call, work, rows.n, rows.z, y, y + 1 == rows.y_end, of_unit);
    }
  }
}

// Adds the gradient of row `y` of the field to the two rows (K + 1, W) of logits that it was resized from; of those,
// the last two are being summed at a time.
template <class T, int rank>
void add_row_to_low_rows(const ComposeMotion<T, rank>& call, const ComposeWorkspace<T, rank>& work, int64_t y) {
  const int64_t numbers = call.logits.channels * call.width;
  for (int t = 0; t < 2; ++t) {
    Real<T>* const row = work.low_rows[call.resize_y.index[t][y] & 1];
    add_line<kLanes<Real<T>>>(row, work.grad_row, call.resize_y.weight[t][y], numbers);
  }
}

// Hands row `low_y` of logits back to the width of the logits, and to the two planes of logits that plane `z` was
// resized from: those of them that lie in low_begin to low_end. Clears its sums.
template <class T, int rank>
void add_low_row_to_planes(const ComposeMotion<T, rank>& call, const ComposeWorkspace<T, rank>& work, int64_t z,
                           int64_t low_y, int64_t low_begin, int64_t low_end) {
  using R = Real<T>;
  const int64_t count = call.logits.channels, height = call.logits.height, width = call.logits.width;
  R* const row = work.low_rows[low_y & 1];
  for (int64_t k = 0; k < count; ++k) {
    resize_row_adjoint(row + k * call.width, call.resize_x, work.low_row);
    for (int t = 0; t < kPlanesRead<rank>; ++t) {
      const int64_t low = call.resize_z.index[t][z];
      if (low < low_begin || low >= low_end) continue;
      add_line<kLanes<R>>(work.low_planes[low & 1] + (k * height + low_y) * width, work.low_row,
                          call.resize_z.weight[t][z], width);
    }
  }
  std::memset(row, 0, count * call.width * sizeof(R));
}

// Writes plane `low` of the logits' gradient, and clears its sums.
template <class T, int rank>
void flush_plane(const ComposeMotion<T, rank>& call, const ComposeWorkspace<T, rank>& work, const Volume<T>& to,
                 int64_t n, int64_t low) {
  const int64_t plane = to.height * to.width;
  Real<T>* const sums = work.low_planes[low & 1];
  for (int64_t y = 0; y < to.height; ++y) {
    copy_matrix(to.at(n, low, y), to.stride_c, to.stride_x, sums + y * to.width, plane, 1, to.channels, to.width);
  }
  std::memset(sums, 0, call.logits.channels * plane * sizeof(Real<T>));
}

// Gradients for planes (n, z) `begin` to `end` of logits that are resized. A plane of the field that two threads need
// is computed by both, and counted by the one that owns the lower of its two planes of logits.
template <class T, int rank>
void compose_motion_backward_planes(const ComposeMotion<T, rank>& call,
                                    const ComposeMotionGradients<T, rank>& gradients, char* memory, int64_t begin,
                                    int64_t end) {
  using R = Real<T>;
  const ComposeWorkspace<T, rank> work(call, memory, true);
  LogitReader<T, rank> reader(call, work.logits);
  const int64_t count = call.logits.channels, depth = call.logits.depth;
  const int64_t low_numbers = count * call.logits.height * call.logits.width;
  const bool wanted = gradients.logits.data != nullptr;
  for (R* plane : work.low_planes) std::memset(plane, 0, low_numbers * sizeof(R));
  for (R* row : work.low_rows) std::memset(row, 0, count * call.width * sizeof(R));
  for (int64_t from = begin, to; from < end; from = to) {
    const int64_t n = from / depth;
    to = std::min(end, (n + 1) * depth);
    const int64_t low_begin = from - n * depth, low_end = to - n * depth;
    const int64_t z_end = call.resize_z.begin[low_end - 1] + call.resize_z.count[low_end - 1];
    int64_t next = low_begin;  // planes of logits before this one are complete
    for (int64_t z = call.resize_z.begin[low_begin]; z < z_end; ++z) {
      const int64_t lower = call.resize_z.index[0][z];
      for (; wanted && next < lower; ++next) flush_plane(call, work, gradients.logits, n, next);
      const bool owned = lower >= low_begin && lower < low_end;
      const int64_t unit = n * call.depth + z;
      const UnitGradients<R, rank> of_unit(
          call, owned ? gradients.of_units + unit * count : work.unowned,
          owned ? gradients.bends_of_units + unit * call.all_bends() : work.unowned_bends);
      int64_t next_row = 0;  // rows of logits before this one are complete
      for (int64_t y = 0; y < call.height; ++y) {
        for (; wanted && next_row < call.resize_y.index[0][y]; ++next_row) {
          add_low_row_to_planes(call, work, z, next_row, low_begin, low_end);
        }
        start_backward_row(call, gradients.deformation, work, n, z, y);
        compose_row_backward_of(call, work, reader.resized_row(n, z, y),
                                LogitGradients<R>{wanted ? work.grad_row : nullptr, call.width});
        if (wanted) add_row_to_low_rows(call, work, y);
        fold_row(call, work, n, z, y, y + 1 == call.height, of_unit);
      }
      for (; wanted && next_row < call.logits.height; ++next_row) {
        add_low_row_to_planes(call, work, z, next_row, low_begin, low_end);
      }
    }
    for (; wanted && next < low_end; ++next) flush_plane(call, work, gradients.logits, n, next);
  }
}

}  // namespace ptus::PTUS_CAPABILITY
