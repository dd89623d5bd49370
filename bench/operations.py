"""Floating-point operations of what the ops are made of; a function like exp counts as one."""

from bench.case import Operations

COORDINATES, COORDINATES_BACKWARD = 30, 60  # of a point: to voxels, the weights of eight corners; their gradients
HEATMAP, HEATMAP_BACKWARD = 9, 12  # of a point and keypoint: two distances' exponentials, and their difference
SOFTMAX, SOFTMAX_BACKWARD = 4, 4  # of a number: maximum, exponential, sum, quotient


def trilinear(points: int, channels: int) -> Operations:
    """Sampling of points: eight multiplications and additions a channel; in the backward for volume and grid each."""
    return Operations(points * (COORDINATES + 16 * channels), points * (COORDINATES_BACKWARD + 32 * channels))


def added(*parts: Operations) -> Operations:
    """The sum of parts."""
    return Operations(sum(part.forward for part in parts), sum(part.backward for part in parts))
