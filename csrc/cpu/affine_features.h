// motion_features with jacobians: every motion reads its own points of the volume, as in grid_sample, along rows in
// which the coordinates are linear in x. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Tiles of the points that motion k reads for row (z, y): stencils in the feature, which has its channels last.
template <class T>
class AffineTiles {
  using R = Real<T>;

 public:
  explicit AffineTiles(const MotionFeatures<T>& call)
      : call_(call), sampling_{Interpolation::bilinear, Padding::zeros, call.align_corners} {}

  Stencil<R, 3> stencil;
  R x_coordinate[kTile];
  R y_coordinate, z_coordinate;

  void start_row(int64_t n, int64_t k, int64_t z, int64_t y) {
    y_coordinate = identity_coordinate<R>(y, call_.feature.height);
    z_coordinate = identity_coordinate<R>(z, call_.feature.depth);
    motions_of_row(call_.affine + n * call_.motions + k, 1, true, y_coordinate, z_coordinate, &motion_);
  }

  // Points x to x + the number returned.
  template <class Stored>
  int fill(int64_t x, const Volume<Stored>& volume) {
    const int64_t width = call_.feature.width;
    const int points = static_cast<int>(std::min<int64_t>(kTile, width - x));
    for (int p = 0; p < points; ++p) x_coordinate[p] = identity_coordinate<R>(x + p, width);
    for (int a = 0; a < 3; ++a) {
      for (int p = 0; p < points; ++p) stencil.coordinate[a][p] = motion_.slope[a] * x_coordinate[p] + motion_.start[a];
    }
    fill_stencil(stencil, points, volume, sampling_);
    return points;
  }

  // The rows of voxels that these points may read, from both ends of the tile; a voxel to spare on either side covers
  // the rounding of what lies between.
  TileBounds bounds(int64_t x) const {
    const Volume<const T>& feature = call_.feature;
    const R first = identity_coordinate<R>(x, feature.width);
    const R last = identity_coordinate<R>(std::min(x + kTile, feature.width) - 1, feature.width);
    const int64_t size[2] = {feature.height, feature.depth};
    TileBounds bounds;
    for (int a = 0; a < 2; ++a) {
      const Axis<R> axis(size[a], call_.align_corners);
      const R end = static_cast<R>(size[a] + 1);
      R low = end, high = -2;
      for (const R at : {first, last}) {
        const R position = (motion_.slope[a + 1] * at + motion_.start[a + 1] + 1) * axis.scale + axis.shift;
        // What is no number compares as false, and counts as both ends.
        low = position >= low ? low : (position >= -2 ? position : R(-2));
        high = position <= high ? high : (position <= end ? position : end);
      }
      bounds.low[a] = static_cast<int32_t>(low) - 2;
      bounds.high[a] = static_cast<int32_t>(high) + 2;
    }
    return bounds;
  }

 private:
  const MotionFeatures<T>& call_;
  Sampling sampling_;
  RowMotion<R> motion_;
};

// Rows (n, z, y) `begin` to `end` of the output; `heatmap` holds one row.
template <class T>
void affine_feature_rows(const MotionFeatures<T>& call, const Volume<T>& output, Real<T>* heatmap, int64_t begin,
                         int64_t end) {
  using R = Real<T>;
  const Volume<const T>& feature = call.feature;
  AffineTiles<T> tiles(call);
  alignas(64) R buffer[kTile * kChannelBlock];
  for (int64_t r = begin; r < end; ++r) {
    const RowIndex row(r, output);
    for (int64_t k = 0; k < call.motions; ++k) {
      T* const to = output.at(row.n, row.z, row.y) + k * call.channels_of_motion() * output.stride_c;
      heatmap_row(call, row.n, k, row.z, row.y, heatmap);
      copy_matrix(to, output.stride_c, output.stride_x, heatmap, output.width, 1, 1, output.width);
      tiles.start_row(row.n, k, row.z, row.y);
      for (int64_t x = 0; x < output.width; x += kTile) {
        const int points = tiles.fill(x, feature);
        for (int64_t c = 0; c < feature.channels; c += kChannelBlock) {
          const int64_t count = std::min<int64_t>(kChannelBlock, feature.channels - c);
          gather(tiles.stencil, points, feature.at(row.n, 0, 0) + c, Interpolation::bilinear, buffer, count, count);
          copy_matrix(to + (c + 1) * output.stride_c + x * output.stride_x, output.stride_x, output.stride_c, buffer,
                      count, 1, points, count);
        }
      }
    }
  }
}

// The gradients of the keypoints and jacobians from planes (n, k, z) `begin` to `end`; `heatmap` holds one row.
template <class T>
void affine_keypoint_gradient_planes(const MotionFeatures<T>& call, const Volume<const T>& grad_output,
                                     const PlaneGradients<Real<T>>& gradients, Real<T>* heatmap, int64_t begin,
                                     int64_t end) {
  using R = Real<T>;
  const Volume<const T>& feature = call.feature;
  AffineTiles<T> tiles(call);
  alignas(64) R buffer[kTile * kChannelBlock];
  for (int64_t plane = begin; plane < end; ++plane) {
    const int64_t z = plane % feature.depth, k = plane / feature.depth % call.motions;
    const int64_t n = plane / feature.depth / call.motions;
    const int64_t result = (n * feature.depth + z) * call.motions + k;
    Motion<R>& of_motion = gradients.motions[result];
    std::memset(&of_motion, 0, sizeof(of_motion));
    std::memset(&gradients.heatmaps[result], 0, sizeof(gradients.heatmaps[result]));
    if (k == 0) continue;
    for (int64_t y = 0; y < feature.height; ++y) {
      const int64_t channel = k * call.channels_of_motion();
      read_row(heatmap, grad_output, n, channel, z, y);
      add_heatmap_gradient(call.shifts.of(n, k), heatmap, z, y, feature.width, gradients.heatmaps[result]);
      tiles.start_row(n, k, z, y);
      const T* const row = grad_output.at(n, z, y) + (channel + 1) * grad_output.stride_c;
      for (int64_t x = 0; x < feature.width; x += kTile) {
        const int points = tiles.fill(x, feature);
        R dots[Stencil<R, 3>::corners][kTile] = {};
        for (int64_t c = 0; c < feature.channels; c += kChannelBlock) {
          const int64_t count = std::min<int64_t>(kChannelBlock, feature.channels - c);
          int64_t stride;
          const R* gradient = read_points(buffer, row + c * grad_output.stride_c + x * grad_output.stride_x,
                                          grad_output, points, count, stride);
          dot_corners(tiles.stencil, points, feature.at(n, 0, 0) + c, gradient, stride, count, dots);
        }
        R gradient[3][kTile];
        gradient_of_coordinates(tiles.stencil, points, dots, gradient);
        for (int a = 0; a < 3; ++a) {
          R sums[2][kLanes<R>] = {};
          sum_line<kLanes<R>>(sums[0], gradient[a], points);
          dot_line<kLanes<R>>(sums[1], gradient[a], tiles.x_coordinate, points);
          const R sum = sum_of_lanes(sums[0]);
          of_motion.offset[a] += sum;
          of_motion.linear[a][0] += sum_of_lanes(sums[1]);
          of_motion.linear[a][1] += sum * tiles.y_coordinate;
          of_motion.linear[a][2] += sum * tiles.z_coordinate;
        }
      }
    }
  }
}

// The gradient of one slab of the feature; `sums` holds the slab.
template <class T>
void affine_feature_gradient_slab(const MotionFeatures<T>& call, const Volume<const T>& grad_output, Real<T>* sums,
                                  const Slab& slab, const Volume<T>& grad_feature) {
  using R = Real<T>;
  const int64_t channels = grad_feature.channels, rows = grad_feature.depth * grad_feature.height;
  AffineTiles<T> tiles(call);
  alignas(64) R buffer[kTile * kChannelBlock];
  std::memset(sums, 0, slab.bytes(channels * sizeof(R)));
  for (int64_t r = 0; r < call.motions * rows; ++r) {
    const int64_t k = r / rows, z = r % rows / grad_feature.height, y = r % grad_feature.height;
    tiles.start_row(slab.n, k, z, y);
    const T* const row = grad_output.at(slab.n, z, y) + (k * call.channels_of_motion() + 1) * grad_output.stride_c;
    for (int64_t x = 0; x < grad_feature.width; x += kTile) {
      if (!slab.touches(tiles.bounds(x))) continue;
      const int points = tiles.fill(x, grad_feature);
      for (int64_t c = 0; c < channels; c += kChannelBlock) {
        const int64_t count = std::min<int64_t>(kChannelBlock, channels - c);
        int64_t stride;
        const R* gradient = read_points(buffer, row + c * grad_output.stride_c + x * grad_output.stride_x, grad_output,
                                        points, count, stride);
        scatter(tiles.stencil, points, gradient, stride, sums, slab, channels, c, count);
      }
    }
  }
  flush(sums, slab, grad_feature);
}

}  // namespace ptus::PTUS_CAPABILITY
