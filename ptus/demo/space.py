"""Coordinates in face widths, in which bodies of every photo are alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ptus.faces import FaceBox

Points = npt.NDArray[np.float64]
"""Points (..., 3) as (x, y, z)."""

HALF_DEPTH = 0.9
"""From the middle of the volume to its first and last layer, in face widths."""


@dataclass(frozen=True)
class FaceSpace:
    """Coordinates in face widths around the middle of the face: x to the right, y down, z away from the viewer.

    The normalised form is that of the kernels: [-1, 1] from the first pixel's (or layer's) centre to the last one's.
    """

    width: int
    height: int
    face: FaceBox

    @property
    def scale(self) -> Points:
        """How much of each normalised axis one face width is."""
        width = self.face.width
        return np.array([2 * width / (self.width - 1), 2 * width / (self.height - 1), 1 / HALF_DEPTH])

    @property
    def origin(self) -> Points:
        """The middle of the face, normalised."""
        x = self.face.x + self.face.width / 2
        y = self.face.y + self.face.height / 2
        return np.array([2 * x / (self.width - 1) - 1, 2 * y / (self.height - 1) - 1, 0.0])

    def to_normalised(self, points: Points) -> Points:
        """Points in face widths, normalised."""
        return points * self.scale + self.origin

    def to_face(self, points: Points) -> Points:
        """Normalised points, in face widths."""
        return (points - self.origin) / self.scale

    def pixel_grid(self) -> tuple[Points, Points]:
        """The x and y of every pixel, in face widths, each (height, width)."""
        x = (np.arange(self.width) - self.face.x) / self.face.width - 0.5
        y = (np.arange(self.height) - self.face.y - self.face.height / 2) / self.face.width
        grid = np.meshgrid(x, y)
        return grid[0], grid[1]
