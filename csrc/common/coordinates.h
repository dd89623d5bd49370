#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "common/macros.h"

// From a normalised coordinate in [-1, 1] to the two voxels that interpolation reads along one axis. Every sampling op
// is a product of such axes, so padding, interpolation mode and corner alignment exist here and nowhere else.

namespace ptus {

enum class Interpolation { bilinear, nearest };
enum class Padding { zeros, border, reflection };

struct Sampling {
  Interpolation mode;
  Padding padding;
  bool align_corners;
};

// Voxel `index[t]` is read with `weight[t]`; `slope[t]` is d weight / d normalised coordinate. Where one of the two
// voxels does not exist, its neighbour takes both places and counts half in each: reading is always safe, and nothing
// out of reach gets into the result. `inside` is false where neither voxel exists, or the coordinate is not finite.
template <class Real>
struct AxisTaps {
  int32_t index[2];
  Real weight[2];
  Real slope[2];
  bool inside;
};

// An axis of a volume, and how a normalised coordinate c becomes a voxel coordinate: (c + 1) * scale + shift. By
// torch.nn.functional.grid_sample's convention -1 and 1 are the centres of the outer voxels with align_corners,
// otherwise their outer borders.
template <class Real>
struct Axis {
  int32_t voxels;
  Real scale;
  Real shift;

  PTUS_INLINE Axis(int64_t size, bool align_corners)
      : voxels(static_cast<int32_t>(size)),
        scale(static_cast<Real>(align_corners ? size - 1 : size) / 2),
        shift(align_corners ? Real(0) : Real(-0.5)) {}
};

// The helpers below have no branches, so that a loop over points becomes vector code.

// Clamps a voxel coordinate to the volume; the slope of a clamped one is 0.
template <class Real>
PTUS_INLINE Real clip(Real position, Real size, Real& slope) {
  const Real last = size - 1;
  slope = (position > 0) & (position < last) ? slope : Real(0);
  const Real at_least_zero = position > 0 ? position : Real(0);
  return at_least_zero < last ? at_least_zero : last;
}

// Mirrors a voxel coordinate at the outer voxels' centres (align_corners) or borders until it falls inside.
template <class Real>
PTUS_INLINE Real reflect(Real position, Real low, Real span, Real& slope) {
  const Real distance = std::fabs(position - low);
  const Real flips = std::floor(distance / (span > 0 ? span : Real(1)));
  const Real rest = distance - flips * span;
  const Real odd = flips - 2 * std::floor(flips / 2);
  slope = (position < low) != (odd > 0) ? -slope : slope;
  const Real mirrored = (odd > 0 ? span - rest : rest) + low;
  return span > 0 ? mirrored : Real(0);
}

template <class Real>
PTUS_INLINE AxisTaps<Real> axis_taps(Real coordinate, const Axis<Real>& axis, Interpolation mode, Padding padding) {
  const int32_t voxels = axis.voxels;
  const Real size = static_cast<Real>(voxels);
  const bool finite = std::fabs(coordinate) <= std::numeric_limits<Real>::max();
  Real slope = axis.scale;
  Real position = ((finite ? coordinate : Real(0)) + 1) * axis.scale + axis.shift;
  if (padding == Padding::reflection) position = reflect(position, axis.shift, 2 * axis.scale, slope);
  if (padding != Padding::zeros) position = clip(position, size, slope);
  // Far outside is as good as just outside, and fits an integer.
  position = position > -2 ? position : Real(-2);
  position = position < size + 1 ? position : size + 1;

  const bool linear = mode == Interpolation::bilinear;
  const Real low = linear ? std::floor(position) : std::nearbyint(position);
  const int32_t first = static_cast<int32_t>(low);
  const int32_t second = first + 1;
  const bool has_first = (first >= 0) & (first < voxels);
  const bool has_second = linear & (second >= 0) & (second < voxels);
  const Real fraction = linear ? position - low : Real(0);
  if (!linear) slope = 0;

  AxisTaps<Real> taps;
  const int32_t other = has_second ? second : 0;
  taps.index[0] = has_first ? first : other;
  taps.index[1] = has_second ? second : taps.index[0];
  // A voxel read alone is read twice, half each: an infinite one stays infinite, where a weight of 0 would make it NaN.
  const Real share = linear & (has_first != has_second) ? Real(0.5) : Real(1);
  const Real alone = has_first ? 1 - fraction : fraction;
  const Real alone_slope = has_first ? -slope : slope;
  const bool both = has_first & has_second;
  taps.weight[0] = both ? 1 - fraction : share * alone;
  taps.weight[1] = both ? fraction : (linear ? share * alone : Real(0));
  taps.slope[0] = both ? -slope : share * alone_slope;
  taps.slope[1] = both ? slope : share * alone_slope;
  taps.inside = finite & (has_first | has_second);
  return taps;
}

// The same for a loop over points, which is vector code only where these are constants.
template <Interpolation mode, Padding padding, class Real>
PTUS_INLINE AxisTaps<Real> axis_taps(Real coordinate, const Axis<Real>& axis) {
  return axis_taps(coordinate, axis, mode, padding);
}

}  // namespace ptus
