#include "common/spline.h"
#include "host/output_mask.h"
#include "host/tensor_view.h"

namespace ptus {
namespace {

void check(const Tensor& kp_driving, const Tensor& kp_source) {
  const std::vector<int64_t> size = size_of(kp_driving);
  const ScalarType type = kp_driving.scalar_type();
  STD_TORCH_CHECK(size.size() == 4 && size[3] == 2 && size_of(kp_source) == size,
                  "kp_driving, kp_source: expected (B, K, P, 2)");
  STD_TORCH_CHECK((type == ScalarType::Float || type == ScalarType::Double) && kp_source.scalar_type() == type,
                  "kp_driving, kp_source: expected float32 or float64");
}

// One spline's system L [w; Θ] = [source; 0], solved by elimination with the largest pivots. In double, whatever the
// points' type: the matrix is small, and may be close to singular.
class SplineSystem {
 public:
  explicit SplineSystem(int64_t points) : points_(points), size_(points + 3), matrix_(size_ * size_), order_(size_) {}

  // Factorises the matrix of these control points, (P, 2).
  template <class R>
  void set_points(const R* points, double regularization) {
    std::fill(matrix_.begin(), matrix_.end(), 0.0);
    for (int64_t i = 0; i < points_; ++i) {
      for (int64_t j = 0; j < points_; ++j) {
        const double dx = static_cast<double>(points[2 * i]) - points[2 * j];
        const double dy = static_cast<double>(points[2 * i + 1]) - points[2 * j + 1];
        at(i, j) = radial_basis(dx * dx + dy * dy);
      }
      const double row[3] = {points[2 * i], points[2 * i + 1], 1};
      for (int64_t a = 0; a < 3; ++a) at(i, points_ + a) = at(points_ + a, i) = row[a];
    }
    for (int64_t i = 0; i < size_; ++i) at(i, i) += regularization;
    factorise();
  }

  // Replaces the right-hand sides, (P + 3, 2), by the solutions. The matrix is symmetric: its adjoint is itself.
  void solve(std::vector<double>& sides) const {
    for (int64_t i = 0; i < size_; ++i) {
      for (int a = 0; a < 2; ++a) std::swap(sides[2 * i + a], sides[2 * order_[i] + a]);
      for (int64_t j = 0; j < i; ++j) {
        for (int a = 0; a < 2; ++a) sides[2 * i + a] -= at(i, j) * sides[2 * j + a];
      }
    }
    for (int64_t i = size_ - 1; i >= 0; --i) {
      for (int a = 0; a < 2; ++a) {
        for (int64_t j = i + 1; j < size_; ++j) sides[2 * i + a] -= at(i, j) * sides[2 * j + a];
        sides[2 * i + a] /= at(i, i);
      }
    }
  }

  int64_t size() const { return size_; }

 private:
  double& at(int64_t i, int64_t j) { return matrix_[i * size_ + j]; }
  double at(int64_t i, int64_t j) const { return matrix_[i * size_ + j]; }

  void factorise() {
    for (int64_t i = 0; i < size_; ++i) {
      int64_t pivot = i;
      for (int64_t r = i + 1; r < size_; ++r) pivot = std::fabs(at(r, i)) > std::fabs(at(pivot, i)) ? r : pivot;
      order_[i] = pivot;
      for (int64_t j = 0; pivot != i && j < size_; ++j) std::swap(at(i, j), at(pivot, j));
      for (int64_t r = i + 1; r < size_; ++r) {
        const double factor = at(r, i) / at(i, i);
        at(r, i) = factor;
        for (int64_t j = i + 1; j < size_; ++j) at(r, j) -= factor * at(i, j);
      }
    }
  }

  int64_t points_, size_;
  std::vector<double> matrix_;
  std::vector<int64_t> order_;
};

// [source; 0]
template <class R>
std::vector<double> sides_of(const R* source, int64_t points) {
  std::vector<double> sides(2 * (points + 3));
  for (int64_t i = 0; i < 2 * points; ++i) sides[i] = source[i];
  return sides;
}

// Calls run(system, i) for each spline i, whose system is set up.
template <class R, class F>
void for_each_spline(const Tensor& driving, double regularization, const F& run) {
  const int64_t points = driving.size(2), count = driving.size(0) * driving.size(1);
  const R* const from = static_cast<const R*>(driving.data_ptr());
  const int64_t size = points + 3;
  torch::stable::parallel_for(0, count, grain_of(size * size * size), [&](int64_t begin, int64_t end) {
    SplineSystem system(points);
    for (int64_t i = begin; i < end; ++i) {
      system.set_points(from + 2 * points * i, regularization);
      run(system, i);
    }
  });
}

Tensor forward(const Tensor& kp_driving, const Tensor& kp_source, double regularization) {
  check(kp_driving, kp_source);
  const Tensor driving = torch::stable::contiguous(kp_driving), source = torch::stable::contiguous(kp_source);
  const int64_t points = driving.size(2);
  Tensor spline = empty_contiguous(driving, {driving.size(0), driving.size(1), points + 3, 2}, driving.scalar_type());
  dispatch_type(driving.scalar_type(), [&](auto type) {
    using R = Real<decltype(type)>;
    const R* const from = static_cast<const R*>(source.data_ptr());
    R* const to = static_cast<R*>(spline.data_ptr());
    for_each_spline<R>(driving, regularization, [&](const SplineSystem& system, int64_t i) {
      std::vector<double> sides = sides_of(from + 2 * points * i, points);
      system.solve(sides);
      for (int64_t a = 0; a < 2 * system.size(); ++a) to[2 * system.size() * i + a] = static_cast<R>(sides[a]);
    });
  });
  return spline;
}

// The gradient of the control points (P, 2) from the solution and the adjoint of the right-hand side: that of the
// matrix is -adjoint · solutionᵀ.
template <class R>
void points_gradient(const R* points, int64_t count, const std::vector<double>& solution,
                     const std::vector<double>& adjoint, R* gradient) {
  const auto of_matrix = [&](int64_t i, int64_t j) {
    return -adjoint[2 * i] * solution[2 * j] - adjoint[2 * i + 1] * solution[2 * j + 1];
  };
  for (int64_t i = 0; i < count; ++i) {
    double sum[2];
    for (int64_t a = 0; a < 2; ++a) sum[a] = of_matrix(i, count + a) + of_matrix(count + a, i);
    for (int64_t j = 0; j < count; ++j) {
      const double d[2] = {static_cast<double>(points[2 * i]) - points[2 * j],
                           static_cast<double>(points[2 * i + 1]) - points[2 * j + 1]};
      const double slope = 2 * radial_basis_slope(d[0] * d[0] + d[1] * d[1]) * (of_matrix(i, j) + of_matrix(j, i));
      for (int a = 0; a < 2; ++a) sum[a] += slope * d[a];
    }
    for (int a = 0; a < 2; ++a) gradient[2 * i + a] = static_cast<R>(sum[a]);
  }
}

// The gradients asked for by output_mask, of (kp_driving, kp_source).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& kp_driving, const Tensor& kp_source,
                             double regularization, std::vector<bool> output_mask, bool /*deterministic*/) {
  check(kp_driving, kp_source);
  check_output_mask(output_mask, {true, true});
  const int64_t points = kp_driving.size(2), size = points + 3;
  STD_TORCH_CHECK(grad_output.scalar_type() == kp_driving.scalar_type() &&
                      size_of(grad_output) == std::vector<int64_t>({kp_driving.size(0), kp_driving.size(1), size, 2}),
                  "grad_output: expected the size and type of the output");
  const Tensor driving = torch::stable::contiguous(kp_driving), source = torch::stable::contiguous(kp_source);
  const Tensor given = torch::stable::contiguous(grad_output);
  const Tensor of_driving = empty_contiguous(driving, size_of(driving), driving.scalar_type());
  const Tensor of_source = empty_contiguous(driving, size_of(driving), driving.scalar_type());
  dispatch_type(driving.scalar_type(), [&](auto type) {
    using R = Real<decltype(type)>;
    const R* const from = static_cast<const R*>(driving.data_ptr());
    const R* const to = static_cast<const R*>(source.data_ptr());
    const R* const gradient = static_cast<const R*>(given.data_ptr());
    R* const driving_gradient = static_cast<R*>(of_driving.data_ptr());
    R* const source_gradient = static_cast<R*>(of_source.data_ptr());
    for_each_spline<R>(driving, regularization, [&](const SplineSystem& system, int64_t i) {
      std::vector<double> solution = sides_of(to + 2 * points * i, points);
      std::vector<double> adjoint(gradient + 2 * size * i, gradient + 2 * size * (i + 1));
      system.solve(solution);
      system.solve(adjoint);
      const int64_t first = 2 * points * i;
      for (int64_t a = 0; a < 2 * points; ++a) source_gradient[first + a] = static_cast<R>(adjoint[a]);
      points_gradient(from + first, points, solution, adjoint, driving_gradient + first);
    });
  });
  std::vector<Tensor> gradients;
  if (output_mask[0]) gradients.push_back(of_driving);
  if (output_mask[1]) gradients.push_back(of_source);
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("thin_plate_spline", TORCH_BOX(&forward));
  m.impl("thin_plate_spline_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
