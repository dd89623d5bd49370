"""From a normalised coordinate in [-1, 1] to the voxels that interpolation reads along one axis, and back.

The same as csrc/common/coordinates.h, but for a voxel that is not there: here a mask keeps it from being read.
"""

import triton
import triton.language as tl


@triton.jit
def divide(a, b):
    """a / b, rounded as IEEE says; Triton's own division of float32 is a little less exact."""
    if a.dtype == tl.float32:
        return tl.div_rn(a, b)
    else:
        return a / b


@triton.jit
def identity_coordinate(i, size, R: tl.constexpr):
    """Normalised coordinate of voxel `i` of `size`, end points -1 and 1 included; an axis of one voxel lies at 0."""
    last = tl.cast(size, tl.int32) - 1
    coordinate = divide((2 * i - last).to(R), tl.maximum(last, 1).to(R))
    return tl.where(last > 0, coordinate, 0)


@triton.jit
def axis_taps(coordinate, size, NEAREST: tl.constexpr, PADDING: tl.constexpr, ALIGN_CORNERS: tl.constexpr):
    """Resolve a coordinate along an axis: the first of the two voxels it lies between, and how far it is from it.

    Returns:
        The voxel, which like the next one may lie outside; the fraction of the way to the next; the derivative of that
        fraction by the coordinate. A coordinate that is not finite lies far outside whatever the padding.
    """
    voxels = tl.cast(size, coordinate.dtype)
    scale = (voxels - 1) * 0.5 if ALIGN_CORNERS else voxels * 0.5
    shift = 0.0 if ALIGN_CORNERS else -0.5
    finite = tl.abs(coordinate) < float("inf")
    slope = tl.where(finite, scale, 0)
    position = (tl.where(finite, coordinate, 0) + 1) * scale + shift
    if PADDING == "reflection":
        span = 2 * scale
        distance = tl.abs(position - shift)
        flips = tl.floor(divide(distance, tl.zeros_like(distance) + tl.where(span > 0, span, 1)))
        rest = distance - flips * span
        odd = flips - 2 * tl.floor(flips * 0.5) > 0
        slope = tl.where((position < shift) != odd, -slope, slope)
        position = tl.where(span > 0, tl.where(odd, span - rest, rest) + shift, 0)
    if PADDING != "zeros":
        slope = tl.where((position > 0) & (position < voxels - 1), slope, 0)
        position = tl.where(position > 0, position, 0)
        position = tl.where(position < voxels - 1, position, voxels - 1)
    # Far outside is as good as just outside, and fits an integer.
    position = tl.where(finite & (position > -2), position, -2)
    position = tl.where(position < voxels + 1, position, voxels + 1)

    first = tl.floor(position)
    fraction = position - first
    if NEAREST:
        # Half way between, the even one, as PyTorch rounds.
        odd = first - 2 * tl.floor(first * 0.5) > 0
        first = tl.where((fraction > 0.5) | ((fraction == 0.5) & odd), first + 1, first)
        fraction = tl.zeros_like(fraction)
        slope = tl.zeros_like(slope)
    return first.to(tl.int32), fraction, slope


@triton.jit
def tap(first, fraction, size, second):
    """One of the two voxels of an axis, the second for 1: its index, its weight, and whether it is there."""
    index = first + second
    weight = tl.where(second != 0, fraction, 1 - fraction)
    return index, weight, (index >= 0) & (index < size)
