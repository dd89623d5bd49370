// One row of a motion field composed from the logits and motions of the row, and the adjoint of that.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The K + 1 motions of one row. `affine` has their numbers; of splines `moved` has where they take its points: for each
// motion `rank` rows of `width`.
template <class R, int rank>
struct RowMotions {
  const RowMotion<R, rank>* affine;
  const R* moved;
  const R* xs;
};

template <int lanes, MotionKind kind, int rank, class R, class Row>
PTUS_INLINE void compose_row(const Row& logits, int64_t count, const RowMotions<R, rank>& motions,
                             const RowPoint<R, rank>& point, R* out, int64_t width, int64_t x = 0) {
  using V = Vec<R, lanes>;
  for (; x + lanes <= width; x += lanes) {
    V highest = logits.template at<lanes>(0, x);
    for (int64_t k = 1; k < count; ++k) highest = max<lanes, R>(highest, logits.template at<lanes>(k, x));
    V sum = {}, start[rank] = {}, slope[rank] = {};
    for (int64_t k = 0; k < count; ++k) {
      const V e = exp_of_nonpositive<lanes>(logits.template at<lanes>(k, x) - highest);
      sum += e;
      for (int i = 0; i < rank; ++i) {
        if constexpr (kind == MotionKind::spline) {
          start[i] += e * load<lanes>(motions.moved + (rank * k + i) * width + x);
        } else {
          start[i] += e * motions.affine[k].start[i];
        }
        if (kind == MotionKind::affine) slope[i] += e * motions.affine[k].slope[i];
      }
    }
    const V at_x = load<lanes>(motions.xs + x);
    R motion[rank][lanes];
    for (int i = 0; i < rank; ++i) {
      V mixed = start[i] / sum;
      if (kind == MotionKind::affine) mixed = (slope[i] * at_x + start[i]) / sum;
      if (kind == MotionKind::translation) mixed = (i == 0 ? at_x : broadcast<R, lanes>(point.g[i])) + start[i] / sum;
      store<lanes>(motion[i], mixed);
    }
    for (int p = 0; p < lanes; ++p) {
      for (int i = 0; i < rank; ++i) out[rank * (x + p) + i] = motion[i][p];
    }
  }
  if constexpr (lanes > 1) compose_row<lanes / 2, kind>(logits, count, motions, point, out, width, x);
}

// Σ_x m_k · gradient (of affine motions: also times x), in lanes.
template <class R, int rank>
struct LaneSums {
  R start[rank][kLanes<R>];
  R slope[rank][kLanes<R>];
};

// What the adjoint of a row writes besides the gradient of the logits: sums[k] are added to, and of splines the moved
// points' gradients written, laid out as the points.
template <class R, int rank>
struct RowMotionGradients {
  LaneSums<R, rank>* sums;
  R* moved;
};

// The product of points' gradients g (of affine motions: and g · x) and where motion k takes the points.
template <int lanes, MotionKind kind, int rank, class R>
PTUS_INLINE Vec<R, lanes> along_motion(const Vec<R, lanes>* g, const Vec<R, lanes>* gx,
                                       const RowMotions<R, rank>& motions, int64_t k, int64_t width, int64_t x) {
  Vec<R, lanes> sum = {};
  for (int i = 0; i < rank; ++i) {
    if constexpr (kind == MotionKind::spline) {
      sum += g[i] * load<lanes>(motions.moved + (rank * k + i) * width + x);
    } else {
      sum += g[i] * motions.affine[k].start[i];
    }
    if (kind == MotionKind::affine) sum += gx[i] * motions.affine[k].slope[i];
  }
  return sum;
}

// Where the gradients of a row's logits go: number x of motion k to data[k * stride_k + x]. Null if not wanted.
template <class Out>
struct LogitGradients {
  Out* data;
  int64_t stride_k;
};

// The gradient of one row. `gradient` holds (x, y, z) as rows of `width`, `e` room for count * kLanes numbers.
template <int lanes, MotionKind kind, int rank, class R, class Row, class Out>
PTUS_INLINE void compose_row_backward(const Row& logits, int64_t count, const RowMotions<R, rank>& motions,
                                      const R* gradient, R* e, const LogitGradients<Out>& grad_logits,
                                      const RowMotionGradients<R, rank>& to, int64_t width, int64_t x = 0) {
  using V = Vec<R, lanes>;
  for (; x + lanes <= width; x += lanes) {
    V highest = logits.template at<lanes>(0, x);
    for (int64_t k = 1; k < count; ++k) highest = max<lanes, R>(highest, logits.template at<lanes>(k, x));
    const V at_x = load<lanes>(motions.xs + x);
    V g[rank], gx[rank];
    for (int i = 0; i < rank; ++i) {
      g[i] = load<lanes>(gradient + i * width + x);
      gx[i] = g[i] * at_x;
    }
    V sum = {}, mean = {};
    for (int64_t k = 0; k < count; ++k) {
      const V weight = exp_of_nonpositive<lanes>(logits.template at<lanes>(k, x) - highest);
      store<lanes>(e + k * lanes, weight);
      sum += weight;
      mean += weight * along_motion<lanes, kind>(g, gx, motions, k, width, x);
    }
    const V scale = R(1) / sum;
    mean *= scale;
    for (int64_t k = 0; k < count; ++k) {
      const V mask = load<lanes>(e + k * lanes) * scale;
      const V of_logit = mask * (along_motion<lanes, kind>(g, gx, motions, k, width, x) - mean);
      for (int i = 0; i < rank; ++i) {
        if constexpr (kind == MotionKind::spline) {
          store<lanes>(to.moved + (rank * k + i) * width + x, mask * g[i]);
        } else {
          store<lanes>(to.sums[k].start[i], load<lanes>(to.sums[k].start[i]) + mask * g[i]);
        }
        if (kind == MotionKind::affine) {
          store<lanes>(to.sums[k].slope[i], load<lanes>(to.sums[k].slope[i]) + mask * gx[i]);
        }
      }
      if (grad_logits.data != nullptr) store<lanes>(grad_logits.data + k * grad_logits.stride_k + x, of_logit);
    }
  }
  if constexpr (lanes > 1) {
    compose_row_backward<lanes / 2, kind>(logits, count, motions, gradient, e, grad_logits, to, width, x);
  }
}

// Adds lane sums of a row (or, for translations, of many rows) to the gradients of the motions, and clears them.
template <class R, int rank>
void fold_sums(LaneSums<R, rank>* sums, int64_t count, const RowPoint<R, rank>& point, Motion<R, rank>* gradients) {
  for (int64_t k = 0; k < count; ++k) {
    for (int i = 0; i < rank; ++i) {
      const R start = sum_of_lanes(sums[k].start[i]);
      gradients[k].offset[i] += start;
      gradients[k].linear[i][0] += sum_of_lanes(sums[k].slope[i]);
      for (int j = 1; j < rank; ++j) gradients[k].linear[i][j] += start * point.g[j];
    }
    std::memset(&sums[k], 0, sizeof(sums[k]));
  }
}

}  // namespace ptus::PTUS_CAPABILITY
