"""Floating-point operations of what the ops are made of; a function like exp counts as one."""

from bench.case import Operations

COORDINATES, COORDINATES_BACKWARD = 30, 60  # of a point: to voxels, the weights of eight corners; their gradients
HEATMAP, HEATMAP_BACKWARD = 9, 12  # of a point and keypoint: two distances' exponentials, and their difference
SOFTMAX, SOFTMAX_BACKWARD = 4, 4  # of a number: maximum, exponential, sum, quotient


def trilinear(points: int, channels: int) -> Operations:
    """Sampling of points: eight multiplications and additions a channel; in the backward for volume and grid each."""
    return Operations(points * (COORDINATES + 16 * channels), points * (COORDINATES_BACKWARD + 32 * channels))


def bilinear(points: int, channels: int) -> Operations:
    """The same of an image: four multiplications and additions a channel."""
    coordinates = 2 * COORDINATES // 3, 2 * COORDINATES_BACKWARD // 3
    return Operations(points * (coordinates[0] + 8 * channels), points * (coordinates[1] + 16 * channels))


def added(*parts: Operations) -> Operations:
    """The sum of parts."""
    return Operations(sum(part.forward for part in parts), sum(part.backward for part in parts))
