#pragma once

#include "common/motion.h"
#include "cpu/keypoints.h"
#include "cuda/points.cuh"

// Keypoints on the device, and how their gradients are summed: blocks of threads write the sums of their points, which
// a warp for each keypoint then adds up, in an order that depends on nothing.

namespace ptus::cuda {

template <class R>
struct KeypointData {
  const R* driving;   // (B, K, 3)
  const R* source;    // (B, K, 3)
  const R* jacobian;  // (B, K, 3, 3), or null
  int64_t count;      // K

  explicit KeypointData(const Keypoints& keypoints)
      : driving(static_cast<const R*>(keypoints.driving.data_ptr())),
        source(static_cast<const R*>(keypoints.source.data_ptr())),
        jacobian(keypoints.jacobian_of<R>(0)),
        count(keypoints.driving.size(1)) {}

  __device__ bool affine() const { return jacobian != nullptr; }

  // Motion k of sample n, where motion 0 is the identity.
  __device__ Motion<R> motion(int64_t n, int64_t k) const {
    if (k == 0) return {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}};
    const int64_t i = n * count + k - 1;
    return motion_of_keypoint(driving + 3 * i, source + 3 * i, affine() ? jacobian + 9 * i : nullptr);
  }

  // How far motion k of sample n moves points along an axis, where there are no jacobians.
  __device__ R displacement(int64_t n, int64_t k, int axis) const {
    const int64_t i = 3 * (n * count + k - 1) + axis;
    return k == 0 ? R(0) : source[i] - driving[i];
  }

  // Where motion k of sample n takes the point g.
  __device__ void move(R (&to)[3], int64_t n, int64_t k, const R (&g)[3]) const {
    if (!affine()) {
#pragma unroll
      for (int a = 0; a < 3; ++a) to[a] = g[a] + displacement(n, k, a);
      return;
    }
    const Motion<R> by = motion(n, k);
#pragma unroll
    for (int a = 0; a < 3; ++a) {
      to[a] = by.linear[a][0] * g[0] + by.linear[a][1] * g[1] + by.linear[a][2] * g[2] + by.offset[a];
    }
  }
};

// What points say about a keypoint: the gradients of its motion's offset, with jacobians also of the linear part, and
// where there are heatmaps, theirs with respect to the two keypoints.
template <class R>
struct KeypointSums {
  R offset[3], linear[9], driving[3], source[3];

  static __host__ __device__ int count(bool affine, bool heatmaps) { return 3 + (affine ? 9 : 0) + (heatmaps ? 6 : 0); }

  // Calls use(number, index) for each that there is; the index counts them.
  template <class Use>
  __device__ void for_each(bool affine, bool heatmaps, const Use& use) {
#pragma unroll
    for (int i = 0; i < 3; ++i) use(offset[i], i);
    if (affine) {
#pragma unroll
      for (int i = 0; i < 9; ++i) use(linear[i], 3 + i);
    }
    if (heatmaps) {
      const int first = affine ? 12 : 3;
#pragma unroll
      for (int i = 0; i < 3; ++i) use(driving[i], first + i);
#pragma unroll
      for (int i = 0; i < 3; ++i) use(source[i], first + 3 + i);
    }
  }
};

// Where gradients go; those that are null are not asked for.
template <class R>
struct KeypointGradientData {
  R *driving, *source, *jacobian;
};

// Sums `tiles` sums of each keypoint, (B, K, tiles, numbers). There may be many, hence in double.
template <class R>
__global__ void __launch_bounds__(kThreads, kFewBlocks)
    keypoint_gradient_kernel(KeypointData<R> keypoints, const R* of_tiles, int64_t tiles, bool heatmaps,
                             KeypointGradientData<R> to, int64_t count) {
  int64_t i = item_of_thread();
  const int64_t lane = take_remainder(i, kWarp);
  if (i >= count) return;
  const int numbers = KeypointSums<R>::count(keypoints.affine(), heatmaps);
  const R* const from = of_tiles + i * tiles * numbers;
  KeypointSums<R> sums = {};
  sums.for_each(keypoints.affine(), heatmaps, [&](R& number, int index) {
    double sum = 0;
    for (int64_t tile = lane; tile < tiles; tile += kWarp) sum += from[tile * numbers + index];
    number = static_cast<R>(sum_over_lanes(sum, kWarp));
  });
  Motion<R> gradient;
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    gradient.offset[a] = sums.offset[a];
#pragma unroll
    for (int b = 0; b < 3; ++b) gradient.linear[a][b] = sums.linear[3 * a + b];
  }
  R driving[3], source[3], jacobian[9];
  gradient_of_keypoint(gradient, keypoints.driving + 3 * i,
                       keypoints.affine() ? keypoints.jacobian + 9 * i : static_cast<const R*>(nullptr), driving,
                       source, jacobian);
  if (lane != 0) return;
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    if (to.driving != nullptr) to.driving[3 * i + a] = driving[a] + sums.driving[a];
    if (to.source != nullptr) to.source[3 * i + a] = source[a] + sums.source[a];
#pragma unroll
    for (int b = 0; b < 3; ++b) {
      if (to.jacobian != nullptr) to.jacobian[9 * i + 3 * a + b] = jacobian[3 * a + b];
    }
  }
}

// The gradients of (driving, source, jacobian) that the mask (of a feature and these) asks for, appended to a list.
template <class R>
class KeypointGradientWriter {
 public:
  KeypointGradientWriter(const Keypoints& keypoints, const std::vector<bool>& mask, std::vector<Tensor>& gradients)
      : keypoints_(keypoints), to_{} {
    if (mask[1]) to_.driving = append(keypoints.driving, gradients);
    if (mask[2]) to_.source = append(keypoints.driving, gradients);
    if (mask[3]) to_.jacobian = append(*keypoints.jacobian, gradients);
  }

  bool wanted() const { return to_.driving != nullptr || to_.source != nullptr || to_.jacobian != nullptr; }

  // Room for the sums of tiles of points.
  Tensor sums_of_tiles(int64_t tiles, bool heatmaps) const {
    const int64_t keypoints = keypoints_.driving.size(0) * keypoints_.driving.size(1);
    const int numbers = KeypointSums<R>::count(keypoints_.jacobian.has_value(), heatmaps);
    return torch::stable::new_empty(keypoints_.driving, {keypoints * tiles * numbers});
  }

  void write(const Launcher& launcher, const Tensor& of_tiles, int64_t tiles, bool heatmaps) const {
    const int64_t keypoints = keypoints_.driving.size(0) * keypoints_.driving.size(1);
    launcher.warps(keypoints, keypoint_gradient_kernel<R>, KeypointData<R>(keypoints_),
                   static_cast<const R*>(of_tiles.data_ptr()), tiles, heatmaps, to_, keypoints);
  }

 private:
  static R* append(const Tensor& like, std::vector<Tensor>& gradients) {
    gradients.push_back(torch::stable::new_empty(like, size_of(like)));
    return static_cast<R*>(gradients.back().data_ptr());
  }

  const Keypoints& keypoints_;
  KeypointGradientData<R> to_;
};

}  // namespace ptus::cuda
