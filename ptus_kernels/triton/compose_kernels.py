"""The kernels of compose_motion. The softmax is taken online: the logits of a point are read one keypoint at a time."""

import triton
import triton.language as tl

from ptus_kernels.triton.motion import (
    displacement,
    identity_point,
    read_jacobian,
    read_vector,
    store_keypoint_sums,
)
from ptus_kernels.triton.resize import add_resized, read_resized, resize_taps
from ptus_kernels.triton.tiles import block_of_points, offsets_at


@triton.jit
def logit_taps(z, y, x, size, logits_size, R: tl.constexpr, RESIZED: tl.constexpr):
    """Where the points (z, y, x) of a field of size (D, H, W) read logits of size (d, h, w)."""
    if RESIZED:
        taps_z, taps_y = resize_taps(z, size[0], logits_size[0], R), resize_taps(y, size[1], logits_size[1], R)
        return taps_z, taps_y, resize_taps(x, size[2], logits_size[2], R)
    else:
        none = tl.zeros(x.shape, R)
        return (z, z, none), (y, y, none), (x, x, none)


@triton.jit
def rescaled(highest, logit):
    """Let a logit into an online softmax: the new highest, the factor for what was summed before, its own weight."""
    above = tl.where(logit > highest, logit, highest)
    origin = tl.where(above == float("-inf"), 0, above)
    return above, tl.exp(highest - origin), tl.exp(logit - origin)


@triton.jit
def compose_kernel(
    output, output_strides, logits, logits_strides, logits_size, kp_driving, driving_strides, kp_source, source_strides,
    jacobian, jacobian_strides, size, keypoints, blocks,
    RESIZED: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr,
):  # fmt: skip
    """Write a block of points of the motion field."""
    R: tl.constexpr = kp_driving.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    at = identity_point(z, y, x, size, R)
    taps_z, taps_y, taps_x = logit_taps(z, y, x, size, logits_size, R, RESIZED)
    sample = logits + n * logits_strides[0]
    strides = (logits_strides[2], logits_strides[3], logits_strides[4])
    corners: tl.constexpr = 8 if RESIZED else 1

    highest, total = tl.full(x.shape, float("-inf"), R), tl.zeros(x.shape, R)
    sum_x, sum_y, sum_z = tl.zeros_like(total), tl.zeros_like(total), tl.zeros_like(total)
    for k in range(0, keypoints + 1):
        plane = sample + tl.cast(k, tl.int64) * logits_strides[1]
        logit = read_resized(plane, taps_z, taps_y, taps_x, strides, there, R, corners)
        driving = read_vector(kp_driving, driving_strides, n, k - 1, k > 0)
        source = read_vector(kp_source, source_strides, n, k - 1, k > 0)
        rows = read_jacobian(jacobian, jacobian_strides, n, k - 1, k > 0)
        to_x, to_y, to_z = displacement(at, driving, source, rows)
        highest, factor, weight = rescaled(highest, logit)
        total = total * factor + weight
        sum_x = sum_x * factor + weight * to_x
        sum_y = sum_y * factor + weight * to_y
        sum_z = sum_z * factor + weight * to_z
    to = output + n * output_strides[0] + offsets_at(output_strides, z, y, x)
    tl.store(to, at[0] + sum_x / total, mask=there)
    tl.store(to + output_strides[1], at[1] + sum_y / total, mask=there)
    tl.store(to + 2 * output_strides[1], at[2] + sum_z / total, mask=there)


@triton.jit
def compose_backward_kernel(
    grad_output, grad_output_strides, grad_logits, grad_logits_strides, sum_driving, sum_source, sum_jacobian,
    logits, logits_strides, logits_size, kp_driving, driving_strides, kp_source, source_strides,
    jacobian, jacobian_strides, size, batch, keypoints, blocks,
    RESIZED: tl.constexpr, WIDE: tl.constexpr, POINTS: tl.constexpr,
):  # fmt: skip
    """Go through the keypoints twice for a block of points. Gradients that are None were not asked for; that of resized
    logits is added to in no fixed order.
    """
    R: tl.constexpr = kp_driving.dtype.element_ty
    block, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    at = identity_point(z, y, x, size, R)
    taps_z, taps_y, taps_x = logit_taps(z, y, x, size, logits_size, R, RESIZED)
    sample = logits + n * logits_strides[0]
    strides = (logits_strides[2], logits_strides[3], logits_strides[4])
    corners: tl.constexpr = 8 if RESIZED else 1
    row = grad_output + n * grad_output_strides[0] + offsets_at(grad_output_strides, z, y, x)
    along_x = tl.load(row, mask=there, other=0)
    along_y = tl.load(row + grad_output_strides[1], mask=there, other=0)
    along_z = tl.load(row + 2 * grad_output_strides[1], mask=there, other=0)

    highest, total, mean = tl.full(x.shape, float("-inf"), R), tl.zeros(x.shape, R), tl.zeros(x.shape, R)
    for k in range(0, keypoints + 1):
        plane = sample + tl.cast(k, tl.int64) * logits_strides[1]
        logit = read_resized(plane, taps_z, taps_y, taps_x, strides, there, R, corners)
        driving = read_vector(kp_driving, driving_strides, n, k - 1, k > 0)
        source = read_vector(kp_source, source_strides, n, k - 1, k > 0)
        rows = read_jacobian(jacobian, jacobian_strides, n, k - 1, k > 0)
        to_x, to_y, to_z = displacement(at, driving, source, rows)
        highest, factor, weight = rescaled(highest, logit)
        total = total * factor + weight
        mean = mean * factor + weight * (along_x * to_x + along_y * to_y + along_z * to_z)
    mean /= total
    highest = tl.where(highest == float("-inf"), 0, highest)

    none = (0.0, 0.0, 0.0)
    for k in range(0, keypoints + 1):
        plane = sample + tl.cast(k, tl.int64) * logits_strides[1]
        logit = read_resized(plane, taps_z, taps_y, taps_x, strides, there, R, corners)
        driving = read_vector(kp_driving, driving_strides, n, k - 1, k > 0)
        source = read_vector(kp_source, source_strides, n, k - 1, k > 0)
        rows = read_jacobian(jacobian, jacobian_strides, n, k - 1, k > 0)
        mask = tl.exp(logit - highest) / total
        if grad_logits is not None:
            to_x, to_y, to_z = displacement(at, driving, source, rows)
            gradient = mask * (along_x * to_x + along_y * to_y + along_z * to_z - mean)
            to = grad_logits + n * grad_logits_strides[0] + tl.cast(k, tl.int64) * grad_logits_strides[1]
            if RESIZED:
                to_strides = (grad_logits_strides[2], grad_logits_strides[3], grad_logits_strides[4])
                add_resized(to, taps_z, taps_y, taps_x, to_strides, there, gradient, 8)
            else:
                to += offsets_at(grad_logits_strides, z, y, x)
                tl.store(to, gradient.to(grad_logits.dtype.element_ty), mask=there)
        share = tl.where(there, mask, 0)
        given = (share * along_x, share * along_y, share * along_z)
        index = (block * batch + n) * keypoints + k - 1
        store_keypoint_sums(sum_driving, sum_source, sum_jacobian, index, given, at, driving, rows, (none, none), k > 0)
