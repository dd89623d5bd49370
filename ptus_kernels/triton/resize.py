"""Linear resizing by the convention of torch.nn.functional.interpolate with align_corners=False, read and added to.

Along an axis the taps are (first, second, weight of the second).
"""

import triton
import triton.language as tl

from ptus_kernels.triton.coordinates import divide


@triton.jit
def resize_taps(i, to, size, R: tl.constexpr):
    """The two elements of `size` that are read for element `i` of `to`, and the weight of the second."""
    scale = divide(tl.cast(size, R), tl.cast(to, R))
    position = tl.maximum((i.to(R) + 0.5) * scale - 0.5, 0)
    last = tl.cast(size, tl.int32) - 1
    floor = position.to(tl.int32)
    first = tl.minimum(floor, last)
    weight = tl.where(first < last, position - floor.to(R), 0)
    return first.to(i.dtype), tl.minimum(first + 1, last).to(i.dtype), weight


@triton.jit
def resized_corner(taps_z, taps_y, taps_x, strides, CORNER: tl.constexpr):
    """One of the eight elements that are read: its offset with strides (z, y, x), and its weight."""
    x = taps_x[1] if CORNER & 1 else taps_x[0]
    y = taps_y[1] if (CORNER >> 1) & 1 else taps_y[0]
    z = taps_z[1] if CORNER >> 2 else taps_z[0]
    weight_x = taps_x[2] if CORNER & 1 else 1 - taps_x[2]
    weight_y = taps_y[2] if (CORNER >> 1) & 1 else 1 - taps_y[2]
    weight_z = taps_z[2] if CORNER >> 2 else 1 - taps_z[2]
    return z * strides[0] + y * strides[1] + x * strides[2], weight_x * weight_y * weight_z


@triton.jit
def read_resized(data, taps_z, taps_y, taps_x, strides, mask, R: tl.constexpr, CORNERS: tl.constexpr):
    """Interpolate. CORNERS is 8, or 4 where all of z is read as it is, or 1 where everything is."""
    result = tl.zeros_like(taps_x[2])
    for corner in tl.static_range(CORNERS):
        offset, weight = resized_corner(taps_z, taps_y, taps_x, strides, corner)
        result += weight * tl.load(data + offset, mask=mask, other=0).to(R)
    return result


@triton.jit
def add_resized(data, taps_z, taps_y, taps_x, strides, mask, value, CORNERS: tl.constexpr):
    """Add a gradient to what was read, in no fixed order."""
    for corner in tl.static_range(CORNERS):
        offset, weight = resized_corner(taps_z, taps_y, taps_x, strides, corner)
        tl.atomic_add(data + offset, weight * value, mask=mask & (weight != 0), sem="relaxed")
