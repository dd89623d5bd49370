// Loops of compose_motion over the rows of the motion field. Compiled once for each capability: see
// foreach_capability.h.

#include "cpu/logit_rows.h"
#include "cpu/row_motion.h"

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
      const V e = exp<lanes>(logits.template at<lanes>(k, x) - highest);
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
      const V weight = exp<lanes>(logits.template at<lanes>(k, x) - highest);
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
      grad_plane = take<R>(call.resized ? call.logits.height * count * width : 0);
    }
    if (memory == nullptr) return;
    for (int64_t x = 0; x < width; ++x) xs[x] = identity_coordinate<R>(x, width);
    if (backward) std::memset(sums, 0, count * sizeof(LaneSums<R>));
  }

  int64_t bytes() const { return reinterpret_cast<int64_t>(next_); }

  R *xs, *logits, *gradient, *e, *grad_row, *grad_plane;
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

template <class T, class Row, class Out>
void compose_row_backward_any(const ComposeMotion<T>& call, const Row& logits, const ComposeWorkspace<T>& work,
                              Out* grad_logits, int64_t stride_k) {
  constexpr int lanes = kLanes<Real<T>>;
  const int64_t count = call.logits.channels;
  if (call.affine) {
    compose_row_backward<lanes, true>(logits, count, work.motions, work.xs, work.gradient, work.e, grad_logits,
                                      stride_k, work.sums, call.width);
  } else {
    compose_row_backward<lanes, false>(logits, count, work.motions, work.xs, work.gradient, work.e, grad_logits,
                                       stride_k, work.sums, call.width);
  }
}

// Hands the gradient of row `y` of the field back to the rows of the logits' plane it was resized from ...
template <class T>
void add_row_to_plane(const ComposeMotion<T>& call, int64_t y, const Real<T>* row, Real<T>* plane) {
  const int64_t numbers = call.logits.channels * call.width;
  for (int t = 0; t < 2; ++t) {
    add_line<kLanes<Real<T>>>(plane + call.resize_y.index[t][y] * numbers, row, call.resize_y.weight[t][y], numbers);
  }
}

// ... and the rows of a plane (h, K + 1, W) to the logits' width, as (K + 1, h, w).
template <class T>
void shrink_plane(const ComposeMotion<T>& call, const Real<T>* plane, Real<T>* to) {
  const int64_t count = call.logits.channels, height = call.logits.height;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t k = 0; k < count; ++k) {
      resize_row_adjoint(plane + (y * count + k) * call.width, call.resize_x,
                         to + (k * height + y) * call.logits.width);
    }
  }
}

// Gradients of units `begin` to `end`.
template <class T>
void compose_motion_backward_units(const ComposeMotion<T>& call, const ComposeMotionGradients<T>& gradients,
                                   char* memory, int64_t begin, int64_t end) {
  using R = Real<T>;
  const ComposeWorkspace<T> work(call, memory, true);
  LogitReader<T> reader(call, work.logits);
  const int64_t count = call.logits.channels, width = call.width;
  const Volume<T>& grad_logits = gradients.logits;
  const bool wanted = grad_logits.data != nullptr;
  for (int64_t unit = begin; unit < end; ++unit) {
    const ComposeUnit<T> rows(call, unit);
    Motion<R>* const of_unit = gradients.of_units + unit * count;
    std::memset(of_unit, 0, count * sizeof(Motion<R>));
    if (call.resized && wanted) std::memset(work.grad_plane, 0, call.logits.height * count * width * sizeof(R));
    const R z = identity_coordinate<R>(rows.z, call.depth);
    for (int64_t row = rows.y_begin; row < rows.y_end; ++row) {
      const R y = identity_coordinate<R>(row, call.height);
      const Volume<const R>& deformation = gradients.deformation;
      motions_of_row(call.motions + rows.n * count, count, call.affine, y, z, work.motions);
      copy_matrix(work.gradient, width, 1, deformation.at(rows.n, rows.z, row), deformation.stride_c,
                  deformation.stride_x, 3, width);
      R* const grad_row = wanted ? work.grad_row : nullptr;
      if (call.resized) {
        compose_row_backward_any(call, reader.resized_row(rows.n, rows.z, row), work, grad_row, width);
        if (wanted) add_row_to_plane(call, row, work.grad_row, work.grad_plane);
      } else if (reader.in_place() && (!wanted || grad_logits.stride_x == 1)) {
        T* const to = wanted ? grad_logits.at(rows.n, rows.z, row) : nullptr;
        compose_row_backward_any(call, reader.tensor_row(rows.n, rows.z, row), work, to, grad_logits.stride_c);
      } else {
        compose_row_backward_any(call, reader.copied_row(rows.n, rows.z, row), work, grad_row, width);
        if (wanted) {
          copy_matrix(grad_logits.at(rows.n, rows.z, row), grad_logits.stride_c, grad_logits.stride_x, work.grad_row,
                      width, 1, count, width);
        }
      }
      if (call.affine) fold_sums(work.sums, count, y, z, of_unit);
    }
    if (!call.affine) fold_sums(work.sums, count, R(0), R(0), of_unit);
    if (call.resized && wanted) {
      const int64_t plane = count * call.logits.height * call.logits.width;
      shrink_plane(call, work.grad_plane, gradients.planes + (rows.n * call.depth + rows.z) * plane);
    }
  }
}

// Rows `begin` to `end` of the gradient of resized logits, gathered along z.
template <class T>
void compose_motion_gather_rows(const ComposeMotion<T>& call, const ComposeMotionGradients<T>& gradients, char* memory,
                                int64_t begin, int64_t end) {
  using R = Real<T>;
  R* const buffer = reinterpret_cast<R*>(memory);
  const Volume<T>& to = gradients.logits;
  const int64_t count = to.channels, plane = count * to.height * to.width;
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, to);
    std::memset(buffer, 0, count * to.width * sizeof(R));
    for (int64_t i = 0; i < call.resize_z.count[row.z]; ++i) {
      const R weight = call.resize_z.adjoint_weight[call.resize_z.adjoint_start[row.z] + i];
      const R* from = gradients.planes + (row.n * call.depth + call.resize_z.begin[row.z] + i) * plane;
      for (int64_t k = 0; k < count; ++k) {
        add_line<kLanes<R>>(buffer + k * to.width, from + (k * to.height + row.y) * to.width, weight, to.width);
      }
    }
    copy_matrix(to.at(row.n, row.z, row.y), to.stride_c, to.stride_x, buffer, to.width, 1, count, to.width);
  }
}

}  // namespace ptus::PTUS_CAPABILITY
