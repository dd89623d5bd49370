// One row of a motion field composed from the logits and motions of the row, and the adjoint of that.
// Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

template <int lanes, bool affine, class R, class Row>
PTUS_INLINE void compose_row(const Row& logits, int64_t count, const RowMotion<R>* motions, const R* xs, R y, R z,
                             R* out, int64_t width, int64_t x = 0) {
  using V = Vec<R, lanes>;
  for (; x + lanes <= width; x += lanes) {
    V highest = logits.template at<lanes>(0, x);
    for (int64_t k = 1; k < count; ++k) highest = max<lanes, R>(highest, logits.template at<lanes>(k, x));
    V sum = {}, start[3] = {}, slope[3] = {};
    for (int64_t k = 0; k < count; ++k) {
      const V e = exp_of_nonpositive<lanes>(logits.template at<lanes>(k, x) - highest);
      sum += e;
      for (int i = 0; i < 3; ++i) {
        start[i] += e * motions[k].start[i];
        if (affine) slope[i] += e * motions[k].slope[i];
      }
    }
    const V at_x = load<lanes>(xs + x);
    R motion[3][lanes];
    for (int i = 0; i < 3; ++i) {
      const V identity = i == 0 ? at_x : broadcast<R, lanes>(i == 1 ? y : z);
      store<lanes>(motion[i], affine ? (slope[i] * at_x + start[i]) / sum : identity + start[i] / sum);
    }
    for (int p = 0; p < lanes; ++p) {
      for (int i = 0; i < 3; ++i) out[3 * (x + p) + i] = motion[i][p];
    }
  }
  if constexpr (lanes > 1) compose_row<lanes / 2, affine>(logits, count, motions, xs, y, z, out, width, x);
}

// The gradient of one row. `gradient` holds (x, y, z) as three rows of `width`, `e` room for count * kLanes numbers;
// grad_logits[k * stride_k + x] is written where wanted, and Σ_x m_k · gradient (with slopes: also times x) is added to
// the lanes of sums[k].
template <class R>
struct LaneSums {
  R start[3][kLanes<R>];
  R slope[3][kLanes<R>];
};

template <int lanes, bool affine, class R, class Row, class Out>
PTUS_INLINE void compose_row_backward(const Row& logits, int64_t count, const RowMotion<R>* motions, const R* xs,
                                      const R* gradient, R* e, Out* grad_logits, int64_t stride_k, LaneSums<R>* sums,
                                      int64_t width, int64_t x = 0) {
  using V = Vec<R, lanes>;
  for (; x + lanes <= width; x += lanes) {
    V highest = logits.template at<lanes>(0, x);
    for (int64_t k = 1; k < count; ++k) highest = max<lanes, R>(highest, logits.template at<lanes>(k, x));
    const V at_x = load<lanes>(xs + x);
    const V g[3] = {load<lanes>(gradient + x), load<lanes>(gradient + width + x),
                    load<lanes>(gradient + 2 * width + x)};
    const V gx[3] = {g[0] * at_x, g[1] * at_x, g[2] * at_x};
    V sum = {}, mean = {};
    for (int64_t k = 0; k < count; ++k) {
      const V weight = exp_of_nonpositive<lanes>(logits.template at<lanes>(k, x) - highest);
      store<lanes>(e + k * lanes, weight);
      sum += weight;
      V along = {};
      for (int i = 0; i < 3; ++i) {
        along += g[i] * motions[k].start[i];
        if (affine) along += gx[i] * motions[k].slope[i];
      }
      mean += weight * along;
    }
    const V scale = R(1) / sum;
    mean *= scale;
    for (int64_t k = 0; k < count; ++k) {
      const V mask = load<lanes>(e + k * lanes) * scale;
      V along = {};
      for (int i = 0; i < 3; ++i) {
        along += g[i] * motions[k].start[i];
        store<lanes>(sums[k].start[i], load<lanes>(sums[k].start[i]) + mask * g[i]);
        if (affine) {
          along += gx[i] * motions[k].slope[i];
          store<lanes>(sums[k].slope[i], load<lanes>(sums[k].slope[i]) + mask * gx[i]);
        }
      }
      if (grad_logits != nullptr) store<lanes>(grad_logits + k * stride_k + x, mask * (along - mean));
    }
  }
  if constexpr (lanes > 1) {
    compose_row_backward<lanes / 2, affine>(logits, count, motions, xs, gradient, e, grad_logits, stride_k, sums, width,
                                            x);
  }
}

// Adds lane sums of a row (or, for translations, of many rows) to the gradients of the motions, and clears them.
template <class R>
void fold_sums(LaneSums<R>* sums, int64_t count, R y, R z, Motion<R>* gradients) {
  for (int64_t k = 0; k < count; ++k) {
    for (int i = 0; i < 3; ++i) {
      const R start = sum_lanes<kLanes<R>, R>(load<kLanes<R>>(sums[k].start[i]));
      gradients[k].offset[i] += start;
      gradients[k].linear[i][0] += sum_lanes<kLanes<R>, R>(load<kLanes<R>>(sums[k].slope[i]));
      gradients[k].linear[i][1] += start * y;
      gradients[k].linear[i][2] += start * z;
    }
    std::memset(&sums[k], 0, sizeof(sums[k]));
  }
}

}  // namespace ptus::PTUS_CAPABILITY
