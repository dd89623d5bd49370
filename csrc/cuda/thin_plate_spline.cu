#include "common/spline.h"
#include "cuda/launch.cuh"
#include "host/output_mask.h"

namespace ptus::cuda {
namespace {

// A block solves one spline's system in shared memory, which this many unknowns fit.
inline constexpr int kUnknowns = 64;

void check(const Tensor& kp_driving, const Tensor& kp_source) {
  const std::vector<int64_t> size = size_of(kp_driving);
  const ScalarType type = kp_driving.scalar_type();
  STD_TORCH_CHECK(size.size() == 4 && size[3] == 2 && size_of(kp_source) == size,
                  "kp_driving, kp_source: expected (B, K, P, 2)");
  STD_TORCH_CHECK((type == ScalarType::Float || type == ScalarType::Double) && kp_source.scalar_type() == type,
                  "kp_driving, kp_source: expected float32 or float64");
  STD_TORCH_CHECK(size[2] + 3 <= kUnknowns, "kp_driving: expected at most 61 control points on a GPU");
}

template <class R>
struct SplineSystem {
  const R *driving, *source;  // (splines, P, 2)
  double regularization;
  int points;

  __device__ int size() const { return points + 3; }

  // Entry (i, j) of the matrix of the spline whose points begin at `from`.
  __device__ double entry(const R* from, int i, int j) const {
    double value = 0;
    if (i < points && j < points) {
      const double dx = static_cast<double>(from[2 * i]) - from[2 * j];
      const double dy = static_cast<double>(from[2 * i + 1]) - from[2 * j + 1];
      value = radial_basis(dx * dx + dy * dy);
    } else if (i < points || j < points) {
      const int point = i < points ? i : j, axis = (i < points ? j : i) - points;
      value = axis < 2 ? static_cast<double>(from[2 * point + axis]) : 1.0;
    }
    return i == j ? value + regularization : value;
  }
};

// Rows of the matrix, each followed by its right-hand sides.
template <int sides>
using Rows = double[kUnknowns][kUnknowns + sides];

// Gauss-Jordan elimination with the largest pivots, by the whole block: afterwards unknown i of side s is
// rows[i][size + s].
template <int sides>
__device__ void eliminate(Rows<sides>& rows, int size) {
  __shared__ int pivot;
  for (int i = 0; i < size; ++i) {
    __syncthreads();
    if (threadIdx.x == 0) {
      pivot = i;
      for (int r = i + 1; r < size; ++r) pivot = fabs(rows[r][i]) > fabs(rows[pivot][i]) ? r : pivot;
    }
    __syncthreads();
    for (int j = i + static_cast<int>(threadIdx.x); j < size + sides; j += kThreads) {
      const double here = rows[i][j];
      rows[i][j] = rows[pivot][j];
      rows[pivot][j] = here;
    }
    __syncthreads();
    // Column i itself is left as it was: it is not read again.
    const int columns = size + sides - i - 1;
    for (int item = static_cast<int>(threadIdx.x); item < size * columns; item += kThreads) {
      const int r = item / columns, j = i + 1 + item % columns;
      if (r != i) rows[r][j] -= rows[r][i] / rows[i][i] * rows[i][j];
    }
  }
  __syncthreads();
  for (int item = static_cast<int>(threadIdx.x); item < size * sides; item += kThreads) {
    rows[item / sides][size + item % sides] /= rows[item / sides][item / sides];
  }
  __syncthreads();
}

template <class R>
__global__ void __launch_bounds__(kThreads) solve_spline_kernel(SplineSystem<R> of, R* splines) {
  __shared__ Rows<2> rows;
  const int size = of.size();
  const int64_t spline = blockIdx.x;
  const R* const from = of.driving + 2 * of.points * spline;
  const R* const source = of.source + 2 * of.points * spline;
  for (int item = static_cast<int>(threadIdx.x); item < size * (size + 2); item += kThreads) {
    const int i = item / (size + 2), j = item % (size + 2);
    const double side = i < of.points && j >= size ? static_cast<double>(source[2 * i + j - size]) : 0.0;
    rows[i][j] = j < size ? of.entry(from, i, j) : side;
  }
  eliminate<2>(rows, size);
  for (int item = static_cast<int>(threadIdx.x); item < 2 * size; item += kThreads) {
    splines[2 * size * spline + item] = static_cast<R>(rows[item / 2][size + item % 2]);
  }
}

// The matrix is symmetric, so that the adjoint of the right-hand side solves the same system for the gradient; the
// gradient of the matrix is -adjoint · solutionᵀ. Gradients that are null are not asked for.
template <class R>
__global__ void __launch_bounds__(kThreads)
    spline_adjoint_kernel(SplineSystem<R> of, const R* grad_splines, R* grad_driving, R* grad_source) {
  __shared__ Rows<4> rows;
  const int size = of.size(), points = of.points;
  const int64_t spline = blockIdx.x;
  const R* const from = of.driving + 2 * points * spline;
  const R* const source = of.source + 2 * points * spline;
  const R* const gradient = grad_splines + 2 * size * spline;
  for (int item = static_cast<int>(threadIdx.x); item < size * (size + 4); item += kThreads) {
    const int i = item / (size + 4), j = item % (size + 4);
    double value = 0;
    if (j < size) {
      value = of.entry(from, i, j);
    } else if (j < size + 2) {
      value = i < points ? static_cast<double>(source[2 * i + j - size]) : 0.0;
    } else {
      value = gradient[2 * i + j - size - 2];
    }
    rows[i][j] = value;
  }
  eliminate<4>(rows, size);
  const auto of_matrix = [&](int i, int j) {
    return -rows[i][size + 2] * rows[j][size] - rows[i][size + 3] * rows[j][size + 1];
  };
  for (int item = static_cast<int>(threadIdx.x); item < 2 * points; item += kThreads) {
    const int i = item / 2, axis = item % 2;
    const int64_t to = 2 * points * spline + item;
    if (grad_source != nullptr) grad_source[to] = static_cast<R>(rows[i][size + 2 + axis]);
    double sum = of_matrix(i, points + axis) + of_matrix(points + axis, i);
    for (int j = 0; j < points; ++j) {
      const double dx = static_cast<double>(from[2 * i]) - from[2 * j];
      const double dy = static_cast<double>(from[2 * i + 1]) - from[2 * j + 1];
      const double slope = 2 * radial_basis_slope(dx * dx + dy * dy) * (of_matrix(i, j) + of_matrix(j, i));
      sum += slope * (axis == 0 ? dx : dy);
    }
    if (grad_driving != nullptr) grad_driving[to] = static_cast<R>(sum);
  }
}

template <class R>
SplineSystem<R> system_of(const Tensor& driving, const Tensor& source, double regularization) {
  return {static_cast<const R*>(driving.data_ptr()), static_cast<const R*>(source.data_ptr()), regularization,
          static_cast<int>(driving.size(2))};
}

Tensor forward(const Tensor& kp_driving, const Tensor& kp_source, double regularization) {
  check(kp_driving, kp_source);
  const Launcher launcher({&kp_driving, &kp_source});
  const Tensor driving = torch::stable::contiguous(kp_driving), source = torch::stable::contiguous(kp_source);
  const int64_t batch = driving.size(0), count = driving.size(1);
  Tensor spline = empty_contiguous(driving, {batch, count, driving.size(2) + 3, 2}, driving.scalar_type());
  dispatch_type(driving.scalar_type(), [&](auto type) {
    using R = Real<decltype(type)>;
    launcher.blocks(batch * count, solve_spline_kernel<R>, system_of<R>(driving, source, regularization),
                    static_cast<R*>(spline.data_ptr()));
  });
  return spline;
}

// The gradients asked for by output_mask, of (kp_driving, kp_source).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& kp_driving, const Tensor& kp_source,
                             double regularization, std::vector<bool> output_mask, bool /*deterministic*/) {
  check(kp_driving, kp_source);
  check_output_mask(output_mask, {true, true});
  const Launcher launcher({&kp_driving, &kp_source, &grad_output});
  const int64_t batch = kp_driving.size(0), count = kp_driving.size(1), size = kp_driving.size(2) + 3;
  STD_TORCH_CHECK(grad_output.scalar_type() == kp_driving.scalar_type() &&
                      size_of(grad_output) == std::vector<int64_t>({batch, count, size, 2}),
                  "grad_output: expected the size and type of the output");
  const Tensor driving = torch::stable::contiguous(kp_driving), source = torch::stable::contiguous(kp_source);
  const Tensor given = torch::stable::contiguous(grad_output);
  std::vector<Tensor> gradients;
  for (int t = 0; t < 2; ++t) {
    if (output_mask[t]) gradients.push_back(torch::stable::new_empty(driving, size_of(driving)));
  }
  dispatch_type(driving.scalar_type(), [&](auto type) {
    using R = Real<decltype(type)>;
    launcher.blocks(batch * count, spline_adjoint_kernel<R>, system_of<R>(driving, source, regularization),
                    static_cast<const R*>(given.data_ptr()),
                    output_mask[0] ? static_cast<R*>(gradients.front().data_ptr()) : nullptr,
                    output_mask[1] ? static_cast<R*>(gradients.back().data_ptr()) : nullptr);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CUDA, m) {
  m.impl("thin_plate_spline", TORCH_BOX(&forward));
  m.impl("thin_plate_spline_backward", TORCH_BOX(&backward));
}

}  // namespace ptus::cuda
