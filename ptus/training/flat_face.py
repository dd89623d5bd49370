"""A face in a picture as it is changed in the plane: what is drawn anew, and where its landmarks go."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ptus.model.layers import identity_grid
from ptus.training.known import KnownMotion
from ptus_kernels import grid_sample_2d

LEAST_AREA = 0.3
"""Of the head's plane as the camera sees it, of what it sees from the front: heads seen from the side are left."""


@dataclass
class FlatFace:
    """A picture, and where its points and the face's landmarks are along the head, in units of the head's half size.

    Args:
        picture: (1, 3, S, S).
        axes: what a step to the right and one down the head are in the picture, (2, 2).
        middle: of the head, in the picture, (2,).
        places: of landmarks, to the right and down from there, (17, 2).
    """

    picture: Tensor
    axes: Tensor
    middle: Tensor
    places: Tensor

    @classmethod
    def of(cls, picture: Tensor, known: KnownMotion) -> "FlatFace | None":
        """The face of which the head's pose, place and size are known; None where it is seen from the side."""
        axes = known.scale * known.rotation[0, :2, :2]
        if axes.det() < LEAST_AREA * known.scale.square():
            return None
        middle = known.translation[0, :2]
        return cls(picture, axes, middle, (known.face[0, :, :2] - middle) @ torch.linalg.inv(axes))

    def points(self) -> tuple[Tensor, Tensor]:
        """To the right and down of every point of the picture, (S, S) each."""
        grid = identity_grid(self.picture.shape[2:], self.picture)
        right, down = ((grid - self.middle) @ torch.linalg.inv(self.axes)).permute(2, 0, 1).contiguous()
        return right, down

    def move(self, right: Tensor, down: Tensor) -> None:
        """Draw anew: at every point what was at (right, down)."""
        at = torch.stack((right, down), dim=-1) @ self.axes + self.middle
        self.picture = grid_sample_2d(self.picture, at.unsqueeze(0), padding_mode="border", align_corners=True)

    def motion(self, known: KnownMotion, before: Tensor) -> KnownMotion:
        """What is known of the changed face, whose landmarks were at `before`: they moved along the head's plane."""
        moved = (self.places - before) @ (known.scale * known.rotation[0, :2])
        return replace(known, face=known.face + moved)
