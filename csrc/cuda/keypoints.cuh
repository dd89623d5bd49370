#pragma once

#include "common/elliptic_heatmap.h"
#include "common/heatmap.h"
#include "common/motion.h"
#include "cuda/points.cuh"
#include "host/keypoints.h"

// Keypoints on the device, and how their gradients are summed: blocks of threads write the sums of their points, which
// a warp for each motion then adds up, in an order that depends on nothing.

namespace ptus::cuda {

// The motion of the point g.
template <class R, int rank>
__device__ inline void apply(R (&to)[rank], const Motion<R, rank>& motion, const R (&g)[rank]) {
#pragma unroll
  for (int a = 0; a < rank; ++a) {
    to[a] = motion.offset[a];
#pragma unroll
    for (int b = 0; b < rank; ++b) to[a] += motion.linear[a][b] * g[b];
  }
}

template <class R, int field_rank>
struct KeypointData {
  static constexpr int rank = field_rank;
  static constexpr bool bent = false;  // whether motions are more than affine

  const R* driving;     // (B, K, rank)
  const R* source;      // (B, K, rank)
  const R* jacobian;    // (B, K, rank, rank), or null
  const R* background;  // (B, rank, rank + 1), or null
  int64_t count;        // K

  explicit KeypointData(const Keypoints& keypoints)
      : driving(static_cast<const R*>(keypoints.driving.data_ptr())),
        source(static_cast<const R*>(keypoints.source.data_ptr())),
        jacobian(keypoints.jacobian_of<R>(0)),
        background(keypoints.background_of<R>(0)),
        count(keypoints.count()) {}

  __host__ __device__ bool affine() const { return jacobian != nullptr || background != nullptr; }

  // The first motion that has a gradient, and how many do.
  __host__ __device__ int64_t first() const { return background != nullptr ? 0 : 1; }
  __host__ __device__ int64_t learned() const { return count + 1 - first(); }

  // Motion k of sample n, where motion 0 is the background's.
  __device__ Motion<R, rank> motion(int64_t n, int64_t k) const {
    if (k == 0) return motion_of_background<rank>(background != nullptr ? background + rank * (rank + 1) * n : nullptr);
    const int64_t i = n * count + k - 1;
    return motion_of_keypoint<rank>(driving + rank * i, source + rank * i,
                                    jacobian != nullptr ? jacobian + rank * rank * i : nullptr);
  }

  // How far motion k of sample n moves points along an axis, where all are translations.
  __device__ R displacement(int64_t n, int64_t k, int axis) const {
    if (k == 0 || axis >= rank) return R(0);
    const int64_t i = rank * (n * count + k - 1) + axis;
    return source[i] - driving[i];
  }

  // Where motion k of sample n takes the point g.
  __device__ void move(R (&to)[rank], int64_t n, int64_t k, const R (&g)[rank]) const {
    if (!affine()) {
#pragma unroll
      for (int a = 0; a < rank; ++a) to[a] = g[a] + displacement(n, k, a);
      return;
    }
    apply(to, motion(n, k), g);
  }

  // Adds what bends motion k of sample n.
  __device__ void bend(R (&)[rank], int64_t, int64_t, const R (&)[rank]) const {}
};

// The heatmaps of pairs of points: of keypoints, or of all control points of splines.
template <class R, int rank>
struct HeatmapData {
  const R *driving, *source;                        // (B, maps - 1, rank)
  const R *covariance_driving, *covariance_source;  // (B, maps - 1, 2, 2), or null
  int64_t count;                                    // maps - 1
  R variance;

  __host__ __device__ bool elliptic() const { return covariance_driving != nullptr; }

  // Of one point, whose number is i.
  __device__ R gaussian_at(const R* points, const R* covariances, int64_t i, const R (&g)[rank]) const {
    if constexpr (rank == 2) {
      if (covariances != nullptr) {
        const EllipticHeatmap<R> of = elliptic_heatmap(points + 2 * i, covariances + 4 * i);
        return std::exp(R(-0.5) * elliptic_distance(of, g[0] - of.mean[0], g[1] - of.mean[1]));
      }
    }
    R product = 1;
#pragma unroll
    for (int a = 0; a < rank; ++a) product *= gaussian(g[a], points[rank * i + a], variance);
    return product;
  }

  // Heatmap `map` of sample n, of which 0 is the background's.
  __device__ R operator()(int64_t n, int64_t map, const R (&g)[rank]) const {
    if (map == 0) return R(0);
    const int64_t i = n * count + map - 1;
    return gaussian_at(driving, covariance_driving, i, g) - gaussian_at(source, covariance_source, i, g);
  }
};

// What points say about a keypoint: the gradients of its motion's offset, of motions that are affine also of the linear
// part, and where there are heatmaps, theirs with respect to the two keypoints. Of heatmaps with covariances these are
// their moments instead: see EllipticMoments.
template <class R, int rank>
struct KeypointSums {
  R offset[rank], linear[rank * rank], driving[rank], source[rank];
  R second_driving[3], second_source[3];

  static __host__ __device__ int count(bool affine, bool heatmaps, bool elliptic) {
    return rank + (affine ? rank * rank : 0) + (heatmaps ? 2 * rank : 0) + (elliptic ? 6 : 0);
  }
  // Of all that there can be; only images have covariances.
  static constexpr int most = 3 * rank + rank * rank + (rank == 2 ? 6 : 0);

  // Calls use(number, index) for each that there is; the index counts them.
  template <class Use>
  __device__ void for_each(bool affine, bool heatmaps, bool elliptic, const Use& use) {
#pragma unroll
    for (int i = 0; i < rank; ++i) use(offset[i], i);
    if (affine) {
#pragma unroll
      for (int i = 0; i < rank * rank; ++i) use(linear[i], rank + i);
    }
    const int first = affine ? rank + rank * rank : rank;
    if (heatmaps) {
#pragma unroll
      for (int i = 0; i < rank; ++i) use(driving[i], first + i);
#pragma unroll
      for (int i = 0; i < rank; ++i) use(source[i], first + rank + i);
    }
    if constexpr (rank == 2) {
      if (elliptic) {
#pragma unroll
        for (int i = 0; i < 3; ++i) use(second_driving[i], first + 2 * rank + i);
#pragma unroll
        for (int i = 0; i < 3; ++i) use(second_source[i], first + 2 * rank + 3 + i);
      }
    }
  }

  // The gradient of the motion's numbers.
  __device__ Motion<R, rank> motion() const {
    Motion<R, rank> gradient;
#pragma unroll
    for (int a = 0; a < rank; ++a) {
      gradient.offset[a] = offset[a];
#pragma unroll
      for (int b = 0; b < rank; ++b) gradient.linear[a][b] = linear[rank * a + b];
    }
    return gradient;
  }
};

// Where gradients go; those that are null are not asked for.
template <class R>
struct KeypointGradientData {
  R *driving, *source, *jacobian, *covariance_driving, *covariance_source, *background;
};

// Turns the moments of heatmaps with covariances, summed, into the gradients of the keypoints, and writes those of the
// covariances.
template <class R>
__device__ inline void finish_elliptic(KeypointSums<R, 2>& sums, const HeatmapData<R, 2>& heatmaps,
                                       const KeypointGradientData<R>& to, int64_t i, bool writes) {
  const EllipticHeatmap<R> driving = elliptic_heatmap(heatmaps.driving + 2 * i, heatmaps.covariance_driving + 4 * i);
  const EllipticHeatmap<R> source = elliptic_heatmap(heatmaps.source + 2 * i, heatmaps.covariance_source + 4 * i);
  EllipticMoments<R> of_driving, of_source;
#pragma unroll
  for (int a = 0; a < 2; ++a) {
    of_driving.first[a] = sums.driving[a];
    of_source.first[a] = sums.source[a];
  }
#pragma unroll
  for (int a = 0; a < 3; ++a) {
    of_driving.second[a] = sums.second_driving[a];
    of_source.second[a] = sums.second_source[a];
  }
  gradient_of_mean(driving, of_driving, R(1), sums.driving);
  gradient_of_mean(source, of_source, R(-1), sums.source);
  if (!writes) return;
  if (to.covariance_driving != nullptr) {
    gradient_of_covariance(driving, of_driving, R(1), to.covariance_driving + 4 * i);
  }
  if (to.covariance_source != nullptr) {
    gradient_of_covariance(source, of_source, R(-1), to.covariance_source + 4 * i);
  }
}

// Sums `tiles` sums of each motion that has a gradient, (B, learned, tiles, numbers). There may be many, hence in
// double.
template <class R, int rank>
__global__ void __launch_bounds__(kThreads, kFewBlocks)
    keypoint_gradient_kernel(KeypointData<R, rank> keypoints, HeatmapData<R, rank> heatmaps, bool has_heatmaps,
                             const R* of_tiles, int64_t tiles, KeypointGradientData<R> to, int64_t count) {
  int64_t motion = item_of_thread();
  const int64_t lane = take_remainder(motion, kWarp);
  if (motion >= count) return;
  const bool affine = keypoints.affine(), elliptic = has_heatmaps && heatmaps.elliptic();
  const int numbers = KeypointSums<R, rank>::count(affine, has_heatmaps, elliptic);
  const R* const from = of_tiles + motion * tiles * numbers;
  KeypointSums<R, rank> sums = {};
  sums.for_each(affine, has_heatmaps, elliptic, [&](R& number, int index) {
    double sum = 0;
    for (int64_t tile = lane; tile < tiles; tile += kWarp) sum += from[tile * numbers + index];
    number = static_cast<R>(sum_over_lanes(sum, kWarp));
  });
  int64_t n = motion;
  const int64_t k = take_remainder(n, keypoints.learned()) + keypoints.first();
  const Motion<R, rank> gradient = sums.motion();
  if (k == 0) {
    if (lane != 0 || to.background == nullptr) return;
    R* const rows = to.background + rank * (rank + 1) * n;
#pragma unroll
    for (int a = 0; a < rank; ++a) {
#pragma unroll
      for (int b = 0; b < rank; ++b) rows[(rank + 1) * a + b] = gradient.linear[a][b];
      rows[(rank + 1) * a + rank] = gradient.offset[a];
    }
    return;
  }
  const int64_t i = n * keypoints.count + k - 1;
  if constexpr (rank == 2) {
    if (elliptic) finish_elliptic(sums, heatmaps, to, i, lane == 0);
  }
  R driving[rank], source[rank], jacobian[rank * rank];
  gradient_of_keypoint<rank>(
      gradient, keypoints.driving + rank * i,
      keypoints.jacobian != nullptr ? keypoints.jacobian + rank * rank * i : static_cast<const R*>(nullptr), driving,
      source, jacobian);
  if (lane != 0) return;
#pragma unroll
  for (int a = 0; a < rank; ++a) {
    if (to.driving != nullptr) to.driving[rank * i + a] = driving[a] + sums.driving[a];
    if (to.source != nullptr) to.source[rank * i + a] = source[a] + sums.source[a];
#pragma unroll
    for (int b = 0; b < rank; ++b) {
      if (to.jacobian != nullptr) to.jacobian[rank * rank * i + rank * a + b] = jacobian[rank * a + b];
    }
  }
}

// A gradient of the size of `like`, appended to a list if it is wanted; null if not.
template <class R>
R* append_gradient(bool wanted, const Tensor& like, std::vector<Tensor>& gradients) {
  if (!wanted) return nullptr;
  gradients.push_back(torch::stable::new_empty(like, size_of(like)));
  return static_cast<R*>(gradients.back().data_ptr());
}

// Sums the gradients of keypoints, of what goes with them, and of the background.
template <class R, int rank>
class KeypointGradientWriter {
 public:
  KeypointGradientWriter(const Keypoints& keypoints, const HeatmapData<R, rank>* heatmaps,
                         const KeypointGradientData<R>& to)
      : keypoints_(keypoints), heatmaps_(heatmaps), to_(to) {}

  bool wanted() const {
    return to_.driving != nullptr || to_.source != nullptr || to_.jacobian != nullptr ||
           to_.covariance_driving != nullptr || to_.covariance_source != nullptr || to_.background != nullptr;
  }

  // Motions that have a gradient, of all samples.
  int64_t motions() const { return keypoints_.driving.size(0) * KeypointData<R, rank>(keypoints_).learned(); }

  // Room for the sums of tiles of points.
  Tensor sums_of_tiles(int64_t tiles) const {
    const bool heatmaps = heatmaps_ != nullptr;
    const int numbers = KeypointSums<R, rank>::count(keypoints_.affine(), heatmaps, heatmaps && heatmaps_->elliptic());
    return torch::stable::new_empty(keypoints_.driving, {motions() * tiles * numbers});
  }

  void write(const Launcher& launcher, const Tensor& of_tiles, int64_t tiles) const {
    const HeatmapData<R, rank> none = {};
    launcher.warps(motions(), keypoint_gradient_kernel<R, rank>, KeypointData<R, rank>(keypoints_),
                   heatmaps_ != nullptr ? *heatmaps_ : none, heatmaps_ != nullptr,
                   static_cast<const R*>(of_tiles.data_ptr()), tiles, to_, motions());
  }

 private:
  const Keypoints& keypoints_;
  const HeatmapData<R, rank>* heatmaps_;
  KeypointGradientData<R> to_;
};

}  // namespace ptus::cuda
