"""The motions that keypoints describe: motion_k(g) = J_k (g - kd_k) + ks_k at the point g of the identity grid.

A program holds one keypoint's numbers at a time. Its gradients are summed over the points of a program, written to
(blocks, B, K, 3) and (blocks, B, K, 3, 3), and summed over the blocks afterwards: always in the same order.
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
def read_vector(data, strides, n, k, present):
    """Keypoint k of sample n, from (B, K, 3); the origin where it is not there."""
    row = data + n * strides[0] + k * strides[1]
    x = tl.load(row, mask=present, other=0)
    y = tl.load(row + strides[2], mask=present, other=0)
    return x, y, tl.load(row + 2 * strides[2], mask=present, other=0)


@triton.jit
def read_row(jacobian, strides, n, k, ROW: tl.constexpr, present):
    """A row of jacobian k of sample n, from (B, K, 3, 3); that of the identity where it is not there."""
    row = jacobian + n * strides[0] + k * strides[1] + ROW * strides[2]
    x = tl.load(row, mask=present, other=1 if ROW == 0 else 0)
    y = tl.load(row + strides[3], mask=present, other=1 if ROW == 1 else 0)
    return x, y, tl.load(row + 2 * strides[3], mask=present, other=1 if ROW == 2 else 0)


@triton.jit
def read_jacobian(jacobian, strides, n, k, present):
    """The rows of jacobian k of sample n; None where there are no jacobians."""
    if jacobian is None:
        return None
    else:
        first, second = read_row(jacobian, strides, n, k, 0, present), read_row(jacobian, strides, n, k, 1, present)
        return first, second, read_row(jacobian, strides, n, k, 2, present)


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
def store_vector(data, index, x, y, z, mask):
    """Write vector number `index` of a contiguous tensor (..., 3)."""
    tl.store(data + 3 * index, x, mask=mask)
    tl.store(data + 3 * index + 1, y, mask=mask)
    tl.store(data + 3 * index + 2, z, mask=mask)


@triton.jit
def store_keypoint_sums(sum_driving, sum_source, sum_jacobian, index, gradient, at, driving, jacobian, extra, mask):
    """Write what a program's points say about keypoint number `index` of the sums.

    Args:
        sum_driving: (blocks, B, K, 3), or None where it is not asked for.
        sum_source: the same.
        sum_jacobian: (blocks, B, K, 3, 3), or None.
        index: of the keypoint in those.
        gradient: the gradient of each point's motion, (x, y, z); 0 for a point that is not there.
        at: the points themselves.
        driving: the driving keypoint.
        jacobian: its jacobian, or None.
        extra: what else to add: to the gradient of the driving keypoint, and to that of the source keypoint.
        mask: whether there is such a keypoint.
    """
    x, y, z = tl.sum(gradient[0]), tl.sum(gradient[1]), tl.sum(gradient[2])
    if sum_source is not None:
        store_vector(sum_source, index, x + extra[1][0], y + extra[1][1], z + extra[1][2], mask)
    if sum_driving is not None:
        moved_x, moved_y, moved_z = x, y, z
        if jacobian is not None:
            moved_x = jacobian[0][0] * x + jacobian[1][0] * y + jacobian[2][0] * z
            moved_y = jacobian[0][1] * x + jacobian[1][1] * y + jacobian[2][1] * z
            moved_z = jacobian[0][2] * x + jacobian[1][2] * y + jacobian[2][2] * z
        store_vector(sum_driving, index, extra[0][0] - moved_x, extra[0][1] - moved_y, extra[0][2] - moved_z, mask)
    if sum_jacobian is not None:
        for i in tl.static_range(3):
            offset_x, offset_y, offset_z = at[0] - driving[0], at[1] - driving[1], at[2] - driving[2]
            to_x, to_y = tl.sum(gradient[i] * offset_x), tl.sum(gradient[i] * offset_y)
            store_vector(sum_jacobian, 3 * index + i, to_x, to_y, tl.sum(gradient[i] * offset_z), mask)
