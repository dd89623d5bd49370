#include "host/splines.h"

namespace ptus {

Splines::Splines(const Tensor& kp_driving, const Tensor& spline, const std::optional<Tensor>& background)
    : driving(torch::stable::contiguous(kp_driving)), spline(torch::stable::contiguous(spline)) {
  if (background.has_value()) this->background = torch::stable::contiguous(*background);
}

void check_splines(const Splines& splines, const Tensor& feature) {
  const ScalarType type = type_of_coordinates(feature);
  const std::vector<int64_t> size = size_of(splines.driving);
  STD_TORCH_CHECK(feature.dim() == 4 && size.size() == 4 && size[0] == feature.size(0) && size[3] == 2 &&
                      splines.driving.scalar_type() == type,
                  "kp_driving: expected (B, K, P, 2) in the type of coordinates");
  STD_TORCH_CHECK(size_of(splines.spline) == std::vector<int64_t>({size[0], size[1], size[2] + 3, 2}) &&
                      splines.spline.scalar_type() == type,
                  "spline: expected (B, K, P + 3, 2) in the type of coordinates");
  check_background(splines.background, 2, feature);
}

template <class R>
SplineMotions<R>::SplineMotions(const Splines& splines) : count_(splines.count()), points_(splines.points()) {
  const R* point = static_cast<const R*>(splines.driving.data_ptr());
  const R* row = static_cast<const R*>(splines.spline.data_ptr());
  const R* background = splines.background ? static_cast<const R*>(splines.background->data_ptr()) : nullptr;
  for (int64_t n = 0; n < splines.driving.size(0); ++n) {
    affine_.push_back(motion_of_background<2>(background));
    if (background != nullptr) background += 6;
    for (int64_t k = 0; k < count_; ++k) {
      for (int64_t j = 0; j < points_; ++j, point += 2, row += 2) {
        bends_.push_back({{point[0], point[1]}, {row[0], row[1]}});
      }
      affine_.push_back({{{row[0], row[2]}, {row[1], row[3]}}, {row[4], row[5]}});
      row += 6;
    }
  }
}

template <class R>
SplineGradients<R>::SplineGradients(const Splines& splines)
    : driving(torch::stable::new_zeros(splines.driving, size_of(splines.driving))),
      spline(torch::stable::new_zeros(splines.spline, size_of(splines.spline))) {
  if (splines.background) background = torch::stable::new_zeros(*splines.background, size_of(*splines.background));
}

template <class R>
void SplineGradients<R>::add(const Splines& splines, const std::vector<Motion<R, 2>>& motions,
                             const std::vector<Bend<R>>& bends, int64_t units) {
  const int64_t count = splines.count(), points = splines.points();
  R* point = static_cast<R*>(driving.data_ptr());
  R* row = static_cast<R*>(spline.data_ptr());
  for (int64_t n = 0; n < driving.size(0); ++n) {
    for (int64_t k = 0; k < count; ++k) {
      for (int64_t j = 0; j < points; ++j, point += 2, row += 2) {
        double sums[4] = {};
        for (int64_t unit = n * units; unit < (n + 1) * units; ++unit) {
          const Bend<R>& of_unit = bends[(unit * count + k) * points + j];
          for (int a = 0; a < 2; ++a) {
            sums[a] += of_unit.point[a];
            sums[2 + a] += of_unit.weight[a];
          }
        }
        for (int a = 0; a < 2; ++a) {
          point[a] += static_cast<R>(sums[a]);
          row[a] += static_cast<R>(sums[2 + a]);
        }
      }
      const Motion<R, 2> sum = sum_of_units(motions, n, k + 1, units, count + 1);
      for (int a = 0; a < 2; ++a) {
        row[a] += sum.linear[a][0];
        row[2 + a] += sum.linear[a][1];
        row[4 + a] += sum.offset[a];
      }
      row += 6;
    }
  }
  if (background) background = gradient_of_background<R, 2>(*splines.background, motions, units, count + 1);
}

template class SplineMotions<float>;
template class SplineMotions<double>;
template struct SplineGradients<float>;
template struct SplineGradients<double>;

}  // namespace ptus
