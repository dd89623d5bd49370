"""The motions that keypoints describe: motion_k(g) = J_k (g - kd_k) + ks_k at the point g of the identity grid.

An image is a volume of one plane at z = 0. A program holds one motion's numbers at a time. Its gradients are summed
over the points of a program, written to (blocks, B, K, …), and summed over the blocks afterwards: always in the same
order.
"""

import triton
import triton.language as tl

from ptus_kernels.triton.coordinates import identity_coordinate


@triton.jit
def identity_point(z, y, x, size, R: tl.constexpr):
    """The point (x, y, z) of the identity grid of size (D, H, W)."""
    at_x, at_y = identity_coordinate(x, size[2], R), identity_coordinate(y, size[1], R)
    return at_x, at_y, identity_coordinate(z, size[0], R)


@triton.jit
def read_vector(data, strides, n, k, present, RANK: tl.constexpr):
    """Keypoint k of sample n, from (B, K, RANK); the origin where it is not there."""
    row = data + n * strides[0] + k * strides[1]
    x = tl.load(row, mask=present, other=0)
    y = tl.load(row + strides[2], mask=present, other=0)
    return x, y, tl.load(row + 2 * strides[2], mask=present & (RANK == 3), other=0)


@triton.jit
def read_row(data, sample, strides, ROW: tl.constexpr, present, RANK: tl.constexpr):
    """A row of a matrix with strides (row, column) at an offset; zeros where it is not there."""
    row = data + sample + ROW * strides[0]
    present &= (RANK == 3) | (ROW < 2)
    x = tl.load(row, mask=present, other=0)
    y = tl.load(row + strides[1], mask=present, other=0)
    return x, y, tl.load(row + 2 * strides[1], mask=present & (RANK == 3), other=0)


@triton.jit
def row_of_identity(ROW: tl.constexpr, present, R: tl.constexpr):
    """A row of the identity; zeros where it is not there."""
    one, none = tl.where(present, 1.0, 0.0).to(R), tl.where(present, 0.0, 0.0).to(R)
    return (one if ROW == 0 else none), (one if ROW == 1 else none), (one if ROW == 2 else none)


@triton.jit
def added(a, b):
    """The sum of two vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@triton.jit
def read_linear_row(
    jacobian, jacobian_strides, background, background_strides, n, k, ROW: tl.constexpr, RANK: tl.constexpr,
    R: tl.constexpr,
):  # fmt: skip
    """A row of the linear part of motion k of sample n, where some motion is not a translation."""
    whole: tl.constexpr = RANK == 2 and ROW == 2
    if jacobian is None or whole:
        row = row_of_identity(ROW, k > 0, R)
    else:
        sample = n * jacobian_strides[0] + (k - 1) * jacobian_strides[1]
        row = read_row(jacobian, sample, (jacobian_strides[2], jacobian_strides[3]), ROW, k > 0, RANK)
    if background is None or whole:
        return added(row, row_of_identity(ROW, k == 0, R))
    else:
        strides = (background_strides[1], background_strides[2])
        return added(row, read_row(background, n * background_strides[0], strides, ROW, k == 0, RANK))


@triton.jit
def read_motion(
    kp_driving, driving_strides, kp_source, source_strides, jacobian, jacobian_strides, background, background_strides,
    n, k, RANK: tl.constexpr,
):  # fmt: skip
    """Motion k of sample n as a driving keypoint, a source keypoint and the rows of a jacobian, None where all motions
    are translations. Motion 0 takes the origin to the background's offset.
    """
    R: tl.constexpr = kp_driving.dtype.element_ty
    driving = read_vector(kp_driving, driving_strides, n, k - 1, k > 0, RANK)
    source = read_vector(kp_source, source_strides, n, k - 1, k > 0, RANK)
    if background is not None:
        strides = (background_strides[0], background_strides[2], background_strides[1])
        source = added(source, read_vector(background, strides, n, RANK, k == 0, RANK))
    if jacobian is None and background is None:
        return driving, source, None
    else:
        first = read_linear_row(jacobian, jacobian_strides, background, background_strides, n, k, 0, RANK, R)
        second = read_linear_row(jacobian, jacobian_strides, background, background_strides, n, k, 1, RANK, R)
        third = read_linear_row(jacobian, jacobian_strides, background, background_strides, n, k, 2, RANK, R)
        return driving, source, (first, second, third)


@triton.jit
def along(row, offset):
    """The product of a row of a jacobian and an offset."""
    return row[0] * offset[0] + row[1] * offset[1] + row[2] * offset[2]


@triton.jit
def displacement(at, driving, source, jacobian):
    """How far the motion takes a point: motion(g) - g."""
    if jacobian is None:
        return source[0] - driving[0], source[1] - driving[1], source[2] - driving[2]
    else:
        offset = (at[0] - driving[0], at[1] - driving[1], at[2] - driving[2])
        x = along(jacobian[0], offset) + source[0] - at[0]
        y = along(jacobian[1], offset) + source[1] - at[1]
        return x, y, along(jacobian[2], offset) + source[2] - at[2]


@triton.jit
def moved_point(at, driving, source, jacobian):
    """The motion of a point."""
    if jacobian is None:
        x, y, z = displacement(at, driving, source, jacobian)
        return at[0] + x, at[1] + y, at[2] + z
    else:
        offset = (at[0] - driving[0], at[1] - driving[1], at[2] - driving[2])
        x, y = along(jacobian[0], offset) + source[0], along(jacobian[1], offset) + source[1]
        return x, y, along(jacobian[2], offset) + source[2]


@triton.jit
def store_vector(data, index, x, y, z, mask, RANK: tl.constexpr):
    """Write vector number `index` of a contiguous tensor (..., RANK)."""
    tl.store(data + RANK * index, x, mask=mask)
    tl.store(data + RANK * index + 1, y, mask=mask)
    if RANK == 3:
        tl.store(data + RANK * index + 2, z, mask=mask)


@triton.jit
def store_motion_sums(
    sum_driving, sum_source, sum_jacobian, sum_background, sample, keypoints, k, gradient, at, driving, jacobian, extra,
    RANK: tl.constexpr,
):  # fmt: skip
    """Write what a program's points say about motion k.

    Args:
        sum_driving: (blocks, B, K, RANK), or None where it is not asked for.
        sum_source: the same.
        sum_jacobian: (blocks, B, K, RANK, RANK), or None.
        sum_background: (blocks, B, RANK, RANK + 1), or None.
        sample: the number of the block and the sample in those.
        keypoints: K.
        k: the motion; 0 for the background's.
        gradient: the gradient of each point's motion, (x, y, z); 0 for a point that is not there.
        at: the points themselves.
        driving: the driving keypoint, the origin for the background.
        jacobian: the motion's linear part, or None.
        extra: what else to add: to the gradient of the driving keypoint, and to that of the source keypoint.
    """
    x, y, z = tl.sum(gradient[0]), tl.sum(gradient[1]), tl.sum(gradient[2])
    index = sample * keypoints + k - 1
    if sum_source is not None:
        store_vector(sum_source, index, x + extra[1][0], y + extra[1][1], z + extra[1][2], k > 0, RANK)
    if sum_driving is not None:
        moved_x, moved_y, moved_z = x, y, z
        if jacobian is not None:
            moved_x = jacobian[0][0] * x + jacobian[1][0] * y + jacobian[2][0] * z
            moved_y = jacobian[0][1] * x + jacobian[1][1] * y + jacobian[2][1] * z
            moved_z = jacobian[0][2] * x + jacobian[1][2] * y + jacobian[2][2] * z
        driven_x, driven_y, driven_z = extra[0][0] - moved_x, extra[0][1] - moved_y, extra[0][2] - moved_z
        store_vector(sum_driving, index, driven_x, driven_y, driven_z, k > 0, RANK)
    if sum_jacobian is not None or sum_background is not None:
        offset_x, offset_y, offset_z = at[0] - driving[0], at[1] - driving[1], at[2] - driving[2]
        for i in tl.static_range(RANK):
            to_x, to_y = tl.sum(gradient[i] * offset_x), tl.sum(gradient[i] * offset_y)
            to_z = tl.sum(gradient[i] * offset_z)
            if sum_jacobian is not None:
                store_vector(sum_jacobian, RANK * index + i, to_x, to_y, to_z, k > 0, RANK)
            if sum_background is not None:
                row = sum_background + (RANK + 1) * (RANK * sample + i)
                store_vector(row, 0, to_x, to_y, to_z, k == 0, RANK)
                tl.store(row + RANK, tl.sum(gradient[i]), mask=k == 0)
