"""The kernels of compose_motion and compose_splines.

The softmax is taken online: the logits of a point are read one motion at a time.
"""

import triton
import triton.language as tl

from ptus_kernels.triton.motion import displacement, identity_point, read_motion, store_motion_sums
from ptus_kernels.triton.resize import add_resized, read_resized, resize_taps
from ptus_kernels.triton.splines import bend, read_affine, store_affine_sums, store_bend_sums
from ptus_kernels.triton.tiles import block_of_points, offsets_at


@triton.jit
def logit_taps(z, y, x, size, logits_size, R: tl.constexpr, CORNERS: tl.constexpr):
    """Where the points (z, y, x) of a field of size (D, H, W) read logits of size (d, h, w), by so many corners."""
    none = tl.zeros(x.shape, R)
    if CORNERS == 8:
        taps_z, taps_y = resize_taps(z, size[0], logits_size[0], R), resize_taps(y, size[1], logits_size[1], R)
        return taps_z, taps_y, resize_taps(x, size[2], logits_size[2], R)
    elif CORNERS == 4:
        return (z, z, none), resize_taps(y, size[1], logits_size[1], R), resize_taps(x, size[2], logits_size[2], R)
    else:
        return (z, z, none), (y, y, none), (x, x, none)


@triton.jit
def read_moves(
    at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
    background_strides, spline, spline_strides, n, k, points, RANK: tl.constexpr,
):  # fmt: skip
    """How far motion k of sample n takes points, and the driving keypoint and jacobian of its affine part."""
    if spline is None:
        driving, source, rows = read_motion(
            kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
            background_strides, n, k, RANK,
        )  # fmt: skip
        x, y, z = displacement(at, driving, source, rows)
        return (x, y, z), driving, rows
    else:
        R: tl.constexpr = kp_driving.dtype.element_ty
        driving, source, rows = read_affine(spline, spline_strides, background, background_strides, n, k, points, R)
        x, y, z = displacement(at, driving, source, rows)
        bend_x, bend_y = bend(at, kp_driving, driving_strides, spline, spline_strides, n, k, points)
        return (x + bend_x, y + bend_y, z), driving, rows


@triton.jit
def rescaled(highest, logit):
    """Let a logit into an online softmax: the new highest, the factor for what was summed before, its own weight."""
    above = tl.where(logit > highest, logit, highest)
    origin = tl.where(above == float("-inf"), 0, above)
    return above, tl.exp(highest - origin), tl.exp(logit - origin)


@triton.jit
def compose_kernel(
    output, output_strides, logits, logits_strides, logits_size, kp_driving, driving_strides, kp_source, source_strides,
    jacobian, jacobian_strides, background, background_strides, spline, spline_strides, size, keypoints, points, blocks,
    RANK: tl.constexpr, CORNERS: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr,
):  # fmt: skip
    """Write a block of points of the motion field."""
    R: tl.constexpr = kp_driving.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    at = identity_point(z, y, x, size, R)
    taps_z, taps_y, taps_x = logit_taps(z, y, x, size, logits_size, R, CORNERS)
    sample = logits + n * logits_strides[0]
    strides = (logits_strides[2], logits_strides[3], logits_strides[4])

    highest, total = tl.full(x.shape, float("-inf"), R), tl.zeros(x.shape, R)
    sum_x, sum_y, sum_z = tl.zeros_like(total), tl.zeros_like(total), tl.zeros_like(total)
    for k in range(0, keypoints + 1):
        plane = sample + tl.cast(k, tl.int64) * logits_strides[1]
        logit = read_resized(plane, taps_z, taps_y, taps_x, strides, there, R, CORNERS)
        to, _driving, _rows = read_moves(
            at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
            background_strides, spline, spline_strides, n, k, points, RANK,
        )  # fmt: skip
        highest, factor, weight = rescaled(highest, logit)
        total = total * factor + weight
        sum_x = sum_x * factor + weight * to[0]
        sum_y = sum_y * factor + weight * to[1]
        sum_z = sum_z * factor + weight * to[2]
    point = output + n * output_strides[0] + offsets_at(output_strides, z, y, x)
    tl.store(point, at[0] + sum_x / total, mask=there)
    tl.store(point + output_strides[1], at[1] + sum_y / total, mask=there)
    if RANK == 3:
        tl.store(point + 2 * output_strides[1], at[2] + sum_z / total, mask=there)


@triton.jit
def compose_backward_kernel(
    grad_output, grad_output_strides, grad_logits, grad_logits_strides, sum_driving, sum_source, sum_jacobian,
    sum_background, sum_spline, logits, logits_strides, logits_size, kp_driving, driving_strides, kp_source,
    source_strides, jacobian, jacobian_strides, background, background_strides, spline, spline_strides, size, batch,
    keypoints, points, blocks,
    RANK: tl.constexpr, CORNERS: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr,
):  # fmt: skip
    """Go through the keypoints twice for a block of points. Gradients that are None were not asked for; that of resized
    logits is added to in no fixed order.
    """
    R: tl.constexpr = kp_driving.dtype.element_ty
    block, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    at = identity_point(z, y, x, size, R)
    taps_z, taps_y, taps_x = logit_taps(z, y, x, size, logits_size, R, CORNERS)
    sample = logits + n * logits_strides[0]
    strides = (logits_strides[2], logits_strides[3], logits_strides[4])
    row = grad_output + n * grad_output_strides[0] + offsets_at(grad_output_strides, z, y, x)
    along_x = tl.load(row, mask=there, other=0)
    along_y = tl.load(row + grad_output_strides[1], mask=there, other=0)
    along_z = tl.load(row + 2 * grad_output_strides[1], mask=there & (RANK == 3), other=0)

    highest, total, mean = tl.full(x.shape, float("-inf"), R), tl.zeros(x.shape, R), tl.zeros(x.shape, R)
    for k in range(0, keypoints + 1):
        plane = sample + tl.cast(k, tl.int64) * logits_strides[1]
        logit = read_resized(plane, taps_z, taps_y, taps_x, strides, there, R, CORNERS)
        to, driving, rows = read_moves(
            at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
            background_strides, spline, spline_strides, n, k, points, RANK,
        )  # fmt: skip
        highest, factor, weight = rescaled(highest, logit)
        total = total * factor + weight
        mean = mean * factor + weight * (along_x * to[0] + along_y * to[1] + along_z * to[2])
    mean /= total
    highest = tl.where(highest == float("-inf"), 0, highest)

    none = (0.0, 0.0, 0.0)
    for k in range(0, keypoints + 1):
        plane = sample + tl.cast(k, tl.int64) * logits_strides[1]
        logit = read_resized(plane, taps_z, taps_y, taps_x, strides, there, R, CORNERS)
        to, driving, rows = read_moves(
            at, kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background,
            background_strides, spline, spline_strides, n, k, points, RANK,
        )  # fmt: skip
        mask = tl.exp(logit - highest) / total
        if grad_logits is not None:
            gradient = mask * (along_x * to[0] + along_y * to[1] + along_z * to[2] - mean)
            target = grad_logits + n * grad_logits_strides[0] + tl.cast(k, tl.int64) * grad_logits_strides[1]
            if CORNERS == 1:
                target += offsets_at(grad_logits_strides, z, y, x)
                tl.store(target, gradient.to(grad_logits.dtype.element_ty), mask=there)
            else:
                target_strides = (grad_logits_strides[2], grad_logits_strides[3], grad_logits_strides[4])
                add_resized(target, taps_z, taps_y, taps_x, target_strides, there, gradient, CORNERS)
        share = tl.where(there, mask, 0)
        given = (share * along_x, share * along_y, share * along_z)
        place = block * batch + n
        if spline is None:
            store_motion_sums(
                sum_driving, sum_source, sum_jacobian, sum_background, place, keypoints, k, given, at, driving, rows,
                (none, none), RANK,
            )  # fmt: skip
        else:
            store_affine_sums(sum_spline, sum_background, place, keypoints, k, points, given, at)
            for j in range(0, points):
                store_bend_sums(
                    sum_driving, sum_spline, place * keypoints + k - 1, j, points, given, at, kp_driving,
                    driving_strides, spline, spline_strides, n, k, (0.0, 0.0),
                )  # fmt: skip
