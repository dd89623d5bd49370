#include <limits>

#include "cpu/denormals.h"
#include "cpu/soft_argmax.h"
#include "host/output_mask.h"

#define PTUS_KERNEL_HEADER "cpu/soft_argmax_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

template <int rank>
void check(const Tensor& logits) {
  STD_TORCH_CHECK(logits.dim() == rank + 2, "logits: expected (B, K, D, H, W), or (B, K, H, W) of an image");
  STD_TORCH_CHECK(logits.numel() > 0 || logits.size(0) * logits.size(1) == 0, "logits: expected at least one voxel");
}

// Rounded from double precision, so that they are as far from 0 on either side: the mean of a flat softmax is 0.
template <class R>
std::vector<R> identity_axis(int64_t size) {
  std::vector<R> coordinates(size + 64 / sizeof(R));  // room for the longest vector behind the last one
  for (int64_t i = 0; i < size; ++i) coordinates[i] = static_cast<R>(identity_coordinate<double>(i, size));
  return coordinates;
}

// The softmax of one keypoint over all planes.
struct Softmax {
  double highest, weight, mean[3];

  template <class R>
  Softmax(const PlaneSums<R>* planes, int64_t depth, double scale) : highest(planes[0].highest), weight(0), mean() {
    for (int64_t z = 1; z < depth; ++z) highest = std::max<double>(highest, planes[z].highest);
    for (int64_t z = 0; z < depth; ++z) {
      const double share = std::exp((planes[z].highest - highest) * scale);
      weight += share * planes[z].weight;
      mean[0] += share * planes[z].x;
      mean[1] += share * planes[z].y;
      mean[2] += share * planes[z].weight * identity_coordinate<double>(z, depth);
    }
    for (double& coordinate : mean) coordinate /= weight;
  }
};

// A call, and the tables that it points to.
template <class T>
struct Prepared {
  using R = Real<T>;
  std::vector<R> xs, ys;
  SoftArgmax<T> call;
  std::vector<Softmax> softmaxes;  // (B, K)

  Prepared(const Tensor& logits, double temperature)
      : xs(identity_axis<R>(logits.size(logits.dim() - 1))),
        ys(identity_axis<R>(logits.size(logits.dim() - 2))),
        call{volume_of<const T>(logits),
             static_cast<R>(std::min<double>(1 / temperature, std::numeric_limits<R>::max())), xs.data(), ys.data()} {
    const int64_t depth = call.logits.depth, keypoints = call.logits.batch * call.logits.channels;
    std::vector<PlaneSums<R>> sums(keypoints * depth);
    const auto units = PTUS_FOR_THIS_CPU(soft_argmax_units<T>);
    torch::stable::parallel_for(0, call.units(), grain_of_unit(), [&](int64_t begin, int64_t end) {
      const FlushDenormals flush;
      units(call, sums.data(), begin, end);
    });
    softmaxes.reserve(keypoints);
    for (int64_t i = 0; i < keypoints; ++i) softmaxes.emplace_back(sums.data() + i * depth, depth, call.scale);
  }

  int64_t grain_of_unit() const {
    return grain_of(4 * call.keypoints_of_unit() * call.logits.height * call.logits.width);
  }
};

ScalarType coordinate_type(const Tensor& logits) {
  return logits.scalar_type() == ScalarType::Double ? ScalarType::Double : ScalarType::Float;
}

template <int rank>
Tensor forward(const Tensor& logits, double temperature) {
  check<rank>(logits);
  Tensor keypoints = empty_contiguous(logits, {logits.size(0), logits.size(1), rank}, coordinate_type(logits));
  if (keypoints.numel() == 0) return keypoints;
  dispatch_type(logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    auto* to = static_cast<Real<T>*>(keypoints.data_ptr());
    for (const Softmax& softmax : Prepared<T>(logits, temperature).softmaxes) {
      for (int axis = 0; axis < rank; ++axis) *to++ = static_cast<Real<T>>(softmax.mean[axis]);
    }
  });
  return keypoints;
}

// The axes that an image does not have have no slope.
template <int rank, class R>
std::vector<KeypointSlope<R>> slopes_of(const std::vector<Softmax>& softmaxes, const Tensor& grad_output,
                                        double scale) {
  std::vector<KeypointSlope<R>> slopes;
  slopes.reserve(softmaxes.size());
  const R* const gradient = static_cast<const R*>(grad_output.data_ptr());
  for (const Softmax& softmax : softmaxes) {
    const int64_t i = static_cast<int64_t>(slopes.size()), n = i / grad_output.size(1), k = i % grad_output.size(1);
    KeypointSlope<R> slope = {};
    slope.highest = static_cast<R>(softmax.highest);
    for (int axis = 0; axis < rank; ++axis) {
      const R g = gradient[n * grad_output.stride(0) + k * grad_output.stride(1) + axis * grad_output.stride(2)];
      slope.mean[axis] = softmax.mean[axis];
      slope.gradient[axis] = static_cast<R>(g * scale / softmax.weight);
    }
    slopes.push_back(slope);
  }
  return slopes;
}

// The gradient of the logits, if output_mask asks for it.
template <int rank>
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& logits, double temperature,
                             std::vector<bool> output_mask, bool /*deterministic*/) {
  check<rank>(logits);
  STD_TORCH_CHECK(grad_output.dim() == 3 && grad_output.size(0) == logits.size(0) &&
                      grad_output.size(1) == logits.size(1) && grad_output.size(2) == rank &&
                      grad_output.scalar_type() == coordinate_type(logits),
                  "grad_output: expected the size and type of the output");
  check_output_mask(output_mask, {true});
  if (!output_mask[0]) return {};
  Tensor grad_logits = empty_in_format_of(logits, size_of(logits));
  if (grad_logits.numel() == 0) return {grad_logits};
  dispatch_type(logits.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const Prepared<T> prepared(logits, temperature);
    const auto slopes = slopes_of<rank, Real<T>>(prepared.softmaxes, grad_output, prepared.call.scale);
    const auto to = volume_of<T>(grad_logits);
    const auto units = PTUS_FOR_THIS_CPU(soft_argmax_gradient_units<T>);
    torch::stable::parallel_for(0, prepared.call.units(), prepared.grain_of_unit(), [&](int64_t begin, int64_t end) {
      const FlushDenormals flush;
      units(prepared.call, slopes.data(), to, begin, end);
    });
  });
  return {grad_logits};
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("soft_argmax_2d", TORCH_BOX(&forward<2>));
  m.impl("soft_argmax_2d_backward", TORCH_BOX(&backward<2>));
  m.impl("soft_argmax_3d", TORCH_BOX(&forward<3>));
  m.impl("soft_argmax_3d_backward", TORCH_BOX(&backward<3>));
}

}  // namespace ptus
