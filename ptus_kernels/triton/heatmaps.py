"""The heatmaps of keypoints: exp(-½ dᵀ Σ⁻¹ d), d = g - kp, Σ a covariance of an image, or a variance times 1."""

import triton
import triton.language as tl

from ptus_kernels.triton.coordinates import divide
from ptus_kernels.triton.motion import store_vector


@triton.jit
def heat(covariance, strides, n, k):
    """The inverse of covariance k - 1 of sample n, row by row, found in float64; None where there are none."""
    if covariance is None:
        return None
    else:
        row = covariance + n * strides[0] + (k - 1) * strides[1]
        a = tl.load(row, mask=k > 0, other=1).to(tl.float64)
        b = tl.load(row + strides[3], mask=k > 0, other=0).to(tl.float64)
        c = tl.load(row + strides[2], mask=k > 0, other=0).to(tl.float64)
        d = tl.load(row + strides[2] + strides[3], mask=k > 0, other=1).to(tl.float64)
        scale = 1 / (a * d - b * c)
        R: tl.constexpr = covariance.dtype.element_ty
        return (d * scale).to(R), (-b * scale).to(R), (-c * scale).to(R), (a * scale).to(R)


@triton.jit
def heatmap(at, keypoint, precision, variance):
    """The heatmap of a keypoint, and its derivatives by the keypoint."""
    x, y, z = at[0] - keypoint[0], at[1] - keypoint[1], at[2] - keypoint[2]
    if precision is None:
        inverse = divide(tl.full(x.shape, 1, x.dtype), tl.zeros_like(x) + variance)
        value = tl.exp(-0.5 * (x * x + y * y + z * z) * inverse)
        slope = value * inverse
        return value, (slope * x, slope * y, slope * z)
    else:
        cross = precision[1] + precision[2]
        value = tl.exp(-0.5 * ((precision[0] * x + cross * y) * x + precision[3] * y * y))
        along_x, along_y = precision[0] * x + 0.5 * cross * y, 0.5 * cross * x + precision[3] * y
        return value, (value * along_x, value * along_y, tl.zeros_like(value))


@triton.jit
def heat_gradient(at, keypoint, precision, variance, gradient):
    """What the gradients of points' heatmaps say about the keypoint, and the sums that say it about its covariance."""
    value, slope = heatmap(at, keypoint, precision, variance)
    of_keypoint = (tl.sum(gradient * slope[0]), tl.sum(gradient * slope[1]), tl.sum(gradient * slope[2]))
    if precision is None:
        return of_keypoint, None
    else:
        x, y, share = at[0] - keypoint[0], at[1] - keypoint[1], gradient * value
        return of_keypoint, (tl.sum(share * x * x), tl.sum(share * x * y), tl.sum(share * y * y))


@triton.jit
def store_covariance_sums(sums, index, precision, moments, mask):
    """Write ½ Σ⁻ᵀ M Σ⁻ᵀ, M the moments, as number `index` of sums (…, 2, 2); nothing where they are None."""
    if sums is not None:
        # (Pᵀ M)[i][j], then times Pᵀ.
        a = precision[0] * moments[0] + precision[2] * moments[1]
        b = precision[0] * moments[1] + precision[2] * moments[2]
        c = precision[1] * moments[0] + precision[3] * moments[1]
        d = precision[1] * moments[1] + precision[3] * moments[2]
        first_x, first_y = a * precision[0] + b * precision[1], a * precision[2] + b * precision[3]
        second_x, second_y = c * precision[0] + d * precision[1], c * precision[2] + d * precision[3]
        store_vector(sums, 2 * index, 0.5 * first_x, 0.5 * first_y, 0.0, mask, 2)
        store_vector(sums, 2 * index + 1, 0.5 * second_x, 0.5 * second_y, 0.0, mask, 2)


@triton.jit
def flat_heat(at, point, variance):
    """The heatmap of a control point (x, y) of an image."""
    x, y = at[0] - point[0], at[1] - point[1]
    return tl.exp(-0.5 * (x * x + y * y) / variance)


@triton.jit
def flat_heat_gradient(at, point, variance, gradient):
    """What the gradients of points' heatmaps say about a control point."""
    slope = gradient * flat_heat(at, point, variance) / variance
    return tl.sum(slope * (at[0] - point[0])), tl.sum(slope * (at[1] - point[1]))
