"""The occlusion map as a blend needs it: o at the points of a feature, and its gradient back to the map."""

import triton
import triton.language as tl

from ptus_kernels.triton.resize import add_resized, read_resized, resize_taps


@triton.jit
def map_taps(z, y, x, size, map_size, R: tl.constexpr, RESIZED: tl.constexpr):
    """Where points (z, y, x) of a feature of size (D, H, W) read a map of size (h, w): taps of z, y and x."""
    none = tl.zeros(x.shape, R)
    taps_z = (tl.zeros_like(z), tl.zeros_like(z), none)
    if RESIZED:
        return taps_z, resize_taps(y, size[1], map_size[0], R), resize_taps(x, size[2], map_size[1], R)
    else:
        return taps_z, (y, y, none), (x, x, none)


@triton.jit
def read_occlusion(data, taps, strides, mask, R: tl.constexpr, RESIZED: tl.constexpr, SIGMOID: tl.constexpr):
    """Read o from a sample's map with strides (n, 1, y, x)."""
    o = read_resized(data, taps[0], taps[1], taps[2], (0, strides[2], strides[3]), mask, R, 4 if RESIZED else 1)
    if SIGMOID:
        o = 1 / (1 + tl.exp(-o))
    return o


@triton.jit
def add_to_map(data, taps, strides, mask, o, gradient, RESIZED: tl.constexpr, SIGMOID: tl.constexpr):
    """Add the gradient of o at each point to that of the sample's map with strides (n, 1, y, x)."""
    if SIGMOID:
        gradient *= o * (1 - o)
    corners: tl.constexpr = 4 if RESIZED else 1
    add_resized(data, taps[0], taps[1], taps[2], (0, strides[2], strides[3]), mask, gradient, corners)
