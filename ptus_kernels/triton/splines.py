"""The motions of thin-plate splines: Θᵀ [g; 1] + Σ_j w_j r_j² log(r_j² + ε), r_j = ‖g - c_j‖, for images.

Their gradients are summed as those of keypoints are (see motion.py).
"""

import triton
import triton.language as tl

from ptus_kernels.reference.motion import SPLINE_EPSILON
from ptus_kernels.triton.coordinates import divide
from ptus_kernels.triton.motion import added, read_linear_row, read_vector, store_vector

EPSILON = tl.constexpr(SPLINE_EPSILON)


@triton.jit
def read_pair(data, strides, n, k, row, present):
    """Row `row` of motion k of sample n, from (B, K, rows, 2); zeros where there is none."""
    first = data + n * strides[0] + (k - 1) * strides[1] + row * strides[2]
    return tl.load(first, mask=present, other=0), tl.load(first + strides[3], mask=present, other=0)


@triton.jit
def read_affine(spline, spline_strides, background, background_strides, n, k, points, R: tl.constexpr):
    """The affine part of motion k of sample n, as `read_motion` has it: the origin, where it goes, and a jacobian."""
    x = read_pair(spline, spline_strides, n, k, points, k > 0)
    y = read_pair(spline, spline_strides, n, k, points + 1, k > 0)
    one = read_pair(spline, spline_strides, n, k, points + 2, k > 0)
    none = tl.zeros_like(x[0])
    # With a jacobian that is not there on either side, what is left is the background's: zeros for k > 0.
    first = read_linear_row(None, None, background, background_strides, n, k, 0, 2, R)
    second = read_linear_row(None, None, background, background_strides, n, k, 1, 2, R)
    is_spline = tl.where(k > 0, 1.0, 0.0).to(R)
    first = (first[0] - is_spline + x[0], first[1] + y[0], none)
    second = (second[0] + x[1], second[1] - is_spline + y[1], none)
    source = (one[0], one[1], none)
    if background is not None:
        strides = (background_strides[0], background_strides[2], background_strides[1])
        source = added(source, read_vector(background, strides, n, 2, k == 0, 2))
    return (none, none, none), source, (first, second, (none, none, none))


@triton.jit
def basis_at(at, point):
    """The offset of points from a control point, and the logarithm and squared distance that its basis is made of."""
    x, y = at[0] - point[0], at[1] - point[1]
    squared = x * x + y * y
    return x, y, tl.log(squared + EPSILON), squared


@triton.jit
def bend(at, kp_driving, driving_strides, spline, spline_strides, n, k, points):
    """What the control points of motion k add to where its affine part takes points."""
    to_x, to_y = tl.zeros_like(at[0]), tl.zeros_like(at[0])
    for j in range(0, points):
        point = read_pair(kp_driving, driving_strides, n, k, j, k > 0)
        weight = read_pair(spline, spline_strides, n, k, j, k > 0)
        _, _, logarithm, squared = basis_at(at, point)
        to_x += weight[0] * squared * logarithm
        to_y += weight[1] * squared * logarithm
    return to_x, to_y


@triton.jit
def store_affine_sums(sum_spline, sum_background, sample, keypoints, k, points, gradient, at):
    """Write what a program's points say about the affine part of motion k: to sums of splines (blocks, B, K, P + 3, 2)
    and of the background (blocks, B, 2, 3), of which each may be None. `sample` is the number of the block and sample.
    """
    if sum_spline is not None or sum_background is not None:
        row = (points + 3) * (sample * keypoints + k - 1) + points
        along_x = (tl.sum(gradient[0] * at[0]), tl.sum(gradient[1] * at[0]))
        along_y = (tl.sum(gradient[0] * at[1]), tl.sum(gradient[1] * at[1]))
        total = (tl.sum(gradient[0]), tl.sum(gradient[1]))
        if sum_spline is not None:
            store_vector(sum_spline, row, along_x[0], along_x[1], 0.0, k > 0, 2)
            store_vector(sum_spline, row + 1, along_y[0], along_y[1], 0.0, k > 0, 2)
            store_vector(sum_spline, row + 2, total[0], total[1], 0.0, k > 0, 2)
        if sum_background is not None:
            for i in tl.static_range(2):
                store_vector(sum_background, 2 * sample + i, along_x[i], along_y[i], total[i], k == 0, 3)


@triton.jit
def store_bend_sums(
    sum_driving, sum_spline, index, j, points, gradient, at, kp_driving, driving_strides, spline, spline_strides, n, k,
    extra,
):  # fmt: skip
    """Write what a program's points say about control point j of motion k, spline number `index` of the sums: of
    control points (blocks, B, K, P, 2), with `extra` added, and of splines (blocks, B, K, P + 3, 2). Each may be None.
    """
    if sum_spline is not None or sum_driving is not None:
        point = read_pair(kp_driving, driving_strides, n, k, j, k > 0)
        weight = read_pair(spline, spline_strides, n, k, j, k > 0)
        x, y, logarithm, squared = basis_at(at, point)
        if sum_spline is not None:
            of_x, of_y = tl.sum(gradient[0] * squared * logarithm), tl.sum(gradient[1] * squared * logarithm)
            store_vector(sum_spline, (points + 3) * index + j, of_x, of_y, 0.0, k > 0, 2)
        if sum_driving is not None:
            slope = logarithm + divide(squared, squared + EPSILON)
            slope *= -2 * (gradient[0] * weight[0] + gradient[1] * weight[1])
            of_x, of_y = extra[0] + tl.sum(slope * x), extra[1] + tl.sum(slope * y)
            store_vector(sum_driving, points * index + j, of_x, of_y, 0.0, k > 0, 2)
