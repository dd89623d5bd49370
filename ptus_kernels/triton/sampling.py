"""The stencil of interpolation at a point: which voxels of a volume, with which weights.

A corner's number says in bit 0 which of x's two taps it takes, in bit 1 which of y's, in bit 2 which of z's. An image
is a volume of depth 1 of which only the first four corners are read, and the nearest voxel is the first corner alone.
"""

import triton
import triton.language as tl

from ptus_kernels.triton.coordinates import axis_taps, tap


@triton.jit
def stencil_of(
    at, size, like, RANK: tl.constexpr, NEAREST: tl.constexpr, PADDING: tl.constexpr, ALIGN_CORNERS: tl.constexpr
):
    """Resolve coordinates (x, y, z) in a volume of size (D, H, W): first voxels, fractions and slopes."""
    first_x, fraction_x, slope_x = axis_taps(at[0], size[2], NEAREST, PADDING, ALIGN_CORNERS)
    first_y, fraction_y, slope_y = axis_taps(at[1], size[1], NEAREST, PADDING, ALIGN_CORNERS)
    if RANK == 3:
        first_z, fraction_z, slope_z = axis_taps(at[2], size[0], NEAREST, PADDING, ALIGN_CORNERS)
    else:
        first_z, fraction_z, slope_z = tl.zeros_like(first_x), tl.zeros_like(fraction_x), tl.zeros_like(slope_x)
    first = (first_x.to(like.dtype), first_y.to(like.dtype), first_z.to(like.dtype))
    return first, (fraction_x, fraction_y, fraction_z), (slope_x, slope_y, slope_z)


@triton.jit
def corner_of(first, fraction, size, strides, corner):
    """One corner of a stencil in a volume with strides (n, c, z, y, x): offset, weights (x, y, z), presence."""
    x, weight_x, has_x = tap(first[0], fraction[0], size[2], corner & 1)
    y, weight_y, has_y = tap(first[1], fraction[1], size[1], (corner >> 1) & 1)
    z, weight_z, has_z = tap(first[2], fraction[2], size[0], corner >> 2)
    offset = z * strides[2] + y * strides[3] + x * strides[4]
    return offset, (weight_x, weight_y, weight_z), has_x & has_y & has_z


@triton.jit
def slopes_of(weights, slope, corner):
    """The derivatives of a corner's weight by the coordinates (x, y, z)."""
    slope_x = tl.where(corner & 1 != 0, slope[0], -slope[0])
    slope_y = tl.where((corner >> 1) & 1 != 0, slope[1], -slope[1])
    slope_z = tl.where(corner >> 2 != 0, slope[2], -slope[2])
    along_x = slope_x * weights[1] * weights[2]
    return along_x, weights[0] * slope_y * weights[2], weights[0] * weights[1] * slope_z


@triton.jit
def moved(present, factor, dot):
    """What a corner adds to the gradient of a coordinate; where nothing moves, not even 0 times an infinite number."""
    return tl.where(present & (factor != 0), factor * dot, 0)
