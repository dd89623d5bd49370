"""thin_plate_spline in Triton: a program for each spline, which eliminates in float64."""

from collections.abc import Sequence

import triton
import triton.language as tl
from torch import Tensor

from ptus_kernels.triton.arguments import grid
from ptus_kernels.triton.coordinates import divide
from ptus_kernels.triton.splines import EPSILON

MOST_POINTS = 61
"""Control points of a spline: its matrix has three more rows, and a program holds it whole."""


@triton.jit
def rows_of_points(points_data, strides, n, k, index, points):
    """Control points `index` of spline k of sample n in float64, and a 1; zeros behind the last."""
    row = points_data + n * strides[0] + k * strides[1] + index * strides[2]
    there = index < points
    x = tl.load(row, mask=there, other=0).to(tl.float64)
    y = tl.load(row + strides[3], mask=there, other=0).to(tl.float64)
    return x, y, tl.where(there, 1.0, 0.0).to(tl.float64)


@triton.jit
def side_of(x, y, one, index, points):
    """What row or column `index` of the matrix's borders has beside the points x, y and 1."""
    side = tl.where(index == points, x, tl.zeros_like(x + index))
    return tl.where(index == points + 1, y, tl.where(index == points + 2, one, side))


@triton.jit
def matrix_of(row_points, column_points, row, column, points, regularization, UNKNOWNS: tl.constexpr):
    """The matrix of a spline, [[U, X], [Xᵀ, 0]] and what regularizes it, with an identity behind it."""
    x, y = row_points[0][:, None] - column_points[0][None, :], row_points[1][:, None] - column_points[1][None, :]
    squared = x * x + y * y
    inside = (row < points)[:, None] & (column < points)[None, :]
    matrix = tl.where(inside, squared * tl.log(squared + EPSILON), 0)
    right = side_of(row_points[0][:, None], row_points[1][:, None], row_points[2][:, None], column[None, :], points)
    below = side_of(
        column_points[0][None, :], column_points[1][None, :], column_points[2][None, :], row[:, None], points
    )
    matrix += tl.where((row < points)[:, None], right, 0) + tl.where((column < points)[None, :], below, 0)
    diagonal = tl.where(row < points + 3, regularization, 1.0).to(tl.float64)
    return matrix + tl.where(row[:, None] == column[None, :], diagonal[:, None], 0)


@triton.jit
def pick(vector, index, at):
    """One number of a vector."""
    return tl.sum(tl.where(index == at, vector, 0))


@triton.jit
def swapped(vector, index, first, second, of_first, of_second):
    """A vector with two of its numbers exchanged."""
    return tl.where(index == first, of_second, tl.where(index == second, of_first, vector))


@triton.jit
def eliminated(side, index, first, second, factor):
    """A right-hand side after its rows `first` and `second` are exchanged and `factor` times the former subtracted."""
    of_first, of_second = pick(side, index, first), pick(side, index, second)
    side = swapped(side, index, first, second, of_first, of_second)
    return side - factor * of_second


@triton.jit
def solve(matrix, a, b, c, d, row, column, points, UNKNOWNS: tl.constexpr):
    """Solve for four right-hand sides by Gauss-Jordan elimination with the largest pivots."""
    for i in range(0, points + 3):
        here = tl.sum(tl.where(column[None, :] == i, matrix, 0), axis=1)
        size = tl.where((row >= i) & (row < points + 3), tl.abs(here), -1.0)
        # What is no number is no pivot.
        pivot = tl.argmax(tl.where(size >= 0, size, -1.0), axis=0)
        of_i = tl.sum(tl.where((row == i)[:, None], matrix, 0), axis=0)
        of_pivot = tl.sum(tl.where((row == pivot)[:, None], matrix, 0), axis=0)
        moved = tl.where((row == pivot)[:, None], of_i[None, :], matrix)
        matrix = tl.where((row == i)[:, None], of_pivot[None, :], moved)
        here = tl.sum(tl.where(column[None, :] == i, matrix, 0), axis=1)
        factor = tl.where(row == i, 0, here / pick(here, row, i))
        matrix -= factor[:, None] * of_pivot[None, :]
        a, b = eliminated(a, row, i, pivot, factor), eliminated(b, row, i, pivot, factor)
        c, d = eliminated(c, row, i, pivot, factor), eliminated(d, row, i, pivot, factor)
    diagonal = tl.sum(tl.where(row[:, None] == column[None, :], matrix, 0), axis=1)
    return a / diagonal, b / diagonal, c / diagonal, d / diagonal


@triton.jit
def spline_kernel(
    output, kp_driving, driving_strides, kp_source, source_strides, regularization: tl.float64, keypoints, points,
    UNKNOWNS: tl.constexpr,
):  # fmt: skip
    """Write one spline."""
    R: tl.constexpr = output.dtype.element_ty
    program = tl.program_id(0).to(tl.int64)
    n, k = program // keypoints, program % keypoints
    row, column = tl.arange(0, UNKNOWNS), tl.arange(0, UNKNOWNS)
    row_points = rows_of_points(kp_driving, driving_strides, n, k, row, points)
    column_points = rows_of_points(kp_driving, driving_strides, n, k, column, points)
    matrix = matrix_of(row_points, column_points, row, column, points, regularization, UNKNOWNS)
    x, y, _ = rows_of_points(kp_source, source_strides, n, k, row, points)
    x, y, _, _ = solve(matrix, x, y, tl.zeros_like(x), tl.zeros_like(x), row, column, points, UNKNOWNS)
    to = output + 2 * ((points + 3) * program + row)
    tl.store(to, x.to(R), mask=row < points + 3)
    tl.store(to + 1, y.to(R), mask=row < points + 3)


@triton.jit
def along_columns(vector, row, column):
    """A vector's numbers as they go along a row of a matrix."""
    return tl.sum(tl.where(row[:, None] == column[None, :], vector[:, None], 0), axis=0)


@triton.jit
def spline_backward_kernel(
    grad_driving, grad_source, grad_output, grad_output_strides, kp_driving, driving_strides, kp_source, source_strides,
    regularization: tl.float64, keypoints, points,
    UNKNOWNS: tl.constexpr,
):  # fmt: skip
    """Write the gradients of one spline's control points. The adjoint solves the same system: it is symmetric."""
    program = tl.program_id(0).to(tl.int64)
    n, k = program // keypoints, program % keypoints
    row, column = tl.arange(0, UNKNOWNS), tl.arange(0, UNKNOWNS)
    row_points = rows_of_points(kp_driving, driving_strides, n, k, row, points)
    column_points = rows_of_points(kp_driving, driving_strides, n, k, column, points)
    matrix = matrix_of(row_points, column_points, row, column, points, regularization, UNKNOWNS)
    source_x, source_y, _ = rows_of_points(kp_source, source_strides, n, k, row, points)
    given_x, given_y, _ = rows_of_points(grad_output, grad_output_strides, n, k, row, points + 3)
    u, v, a, b = solve(matrix, source_x, source_y, given_x, given_y, row, column, points, UNKNOWNS)
    to = 2 * (points * program + row)
    if grad_source is not None:
        tl.store(grad_source + to, a.to(grad_source.dtype.element_ty), mask=row < points)
        tl.store(grad_source + to + 1, b.to(grad_source.dtype.element_ty), mask=row < points)
    if grad_driving is not None:
        # The gradient of the matrix, -adjoint · solutionᵀ, and its transpose: entries (i, j) and (j, i) are one number.
        both = a[:, None] * along_columns(u, row, column)[None, :] + b[:, None] * along_columns(v, row, column)[None, :]
        both += (
            u[:, None] * along_columns(a, row, column)[None, :] + v[:, None] * along_columns(b, row, column)[None, :]
        )
        x, y = row_points[0][:, None] - column_points[0][None, :], row_points[1][:, None] - column_points[1][None, :]
        squared = x * x + y * y
        slope = tl.log(squared + EPSILON) + divide(squared, squared + EPSILON)
        slope = tl.where((column < points)[None, :], -2 * slope * both, 0)
        of_x = tl.sum(slope * x - tl.where((column == points)[None, :], both, 0), axis=1)
        of_y = tl.sum(slope * y - tl.where((column == points + 1)[None, :], both, 0), axis=1)
        tl.store(grad_driving + to, of_x.to(grad_driving.dtype.element_ty), mask=row < points)
        tl.store(grad_driving + to + 1, of_y.to(grad_driving.dtype.element_ty), mask=row < points)


def _unknowns(points: int) -> int:
    """The next power of two that the unknowns of a spline fit.

    Raises:
        ValueError: for more control points than a program takes.
    """
    if points > MOST_POINTS:
        raise ValueError(f"thin_plate_spline: kp_driving: expected at most {MOST_POINTS} control points, got {points}")
    return 1 << (points + 2).bit_length()


def thin_plate_spline(kp_driving: Tensor, kp_source: Tensor, regularization: float) -> Tensor:
    """Splines (B, K, P + 3, 2) that take driving to source control points (B, K, P, 2)."""
    batch, count, points, _ = kp_driving.shape
    output = kp_driving.new_empty((batch, count, points + 3, 2))
    if batch * count > 0:
        spline_kernel[grid(batch * count)](
            output=output,
            kp_driving=kp_driving,
            driving_strides=kp_driving.stride(),
            kp_source=kp_source,
            source_strides=kp_source.stride(),
            regularization=regularization,
            keypoints=count,
            points=points,
            UNKNOWNS=_unknowns(points),
            num_warps=1 if points <= 13 else 4,
        )
    return output


def thin_plate_spline_backward(
    grad_output: Tensor, kp_driving: Tensor, kp_source: Tensor, regularization: float, output_mask: Sequence[bool]
) -> list[Tensor]:
    """The gradients of the control points that the mask asks for."""
    batch, count, points, _ = kp_driving.shape
    driving, source = (kp_driving.new_empty(kp_driving.shape) if wanted else None for wanted in output_mask)
    if batch * count > 0:
        spline_backward_kernel[grid(batch * count)](
            grad_driving=driving,
            grad_source=source,
            grad_output=grad_output,
            grad_output_strides=grad_output.stride(),
            kp_driving=kp_driving,
            driving_strides=kp_driving.stride(),
            kp_source=kp_source,
            source_strides=kp_source.stride(),
            regularization=regularization,
            keypoints=count,
            points=points,
            UNKNOWNS=_unknowns(points),
            num_warps=1 if points <= 13 else 4,
        )
    return [gradient for gradient in (driving, source) if gradient is not None]
