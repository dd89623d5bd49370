"""Keypoints are on the person: where the picture is moved they follow."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ptus.model import Motion
from ptus.model.layers import identity_grid
from ptus.model.rotation import product
from ptus_kernels import grid_sample_2d

LARGEST_TURN, LARGEST_STRETCH, LARGEST_SHIFT = math.radians(20), 0.15, 0.1


@dataclass(frozen=True)
class Transform:
    """An affine map from points of moved pictures to points of the pictures themselves, p = q A + b.

    Args:
        matrix: A, (B, 2, 2), for row vectors.
        shift: b, (B, 2).
    """

    matrix: Tensor
    shift: Tensor

    @classmethod
    def random(cls, count: int, random: torch.Generator) -> "Transform":
        """Turns, stretches and shifts within what a person before a camera does."""
        values = torch.rand(count, 5, generator=random) * 2 - 1
        angle = LARGEST_TURN * values[:, 0]
        stretch = (LARGEST_STRETCH * values[:, 1:3]).exp()
        turn = torch.stack((angle.cos(), angle.sin(), -angle.sin(), angle.cos()), dim=-1).view(count, 2, 2)
        return cls(turn * stretch.unsqueeze(1), LARGEST_SHIFT * values[:, 3:])

    def to(self, device: torch.device) -> "Transform":
        """The map on a device."""
        return Transform(self.matrix.to(device), self.shift.to(device))

    def part(self, number: int, parts: int) -> "Transform":
        """One of several equal parts."""
        return Transform(self.matrix.chunk(parts)[number], self.shift.chunk(parts)[number])

    def pictures(self, pictures: Tensor) -> Tensor:
        """Moved pictures (B, 3, S, S); what comes from beyond the edge repeats it."""
        points = identity_grid(pictures.shape[2:], self.matrix).flatten(0, 1)
        grid = (product(points, self.matrix) + self.shift.unsqueeze(1)).view(len(pictures), *pictures.shape[2:], 2)
        return grid_sample_2d(pictures, grid, padding_mode="border", align_corners=True)

    def boxes(self, boxes: Tensor) -> Tensor:
        """Boxes (B, 4) around the moved centres, of the moved size."""
        low, high = boxes.split(2, dim=-1)
        centre = product(((low + high) / 2 - self.shift).unsqueeze(1), torch.linalg.inv(self.matrix))
        half = (high - low) / 2 / torch.linalg.det(self.matrix).abs().sqrt().unsqueeze(-1)
        return torch.cat((centre.squeeze(1) - half, centre.squeeze(1) + half), dim=-1)

    def back(self, keypoints: Tensor) -> Tensor:
        """x and y of keypoints (B, K, 3) of moved pictures where they are in the pictures: (B, K, 2)."""
        return product(keypoints[..., :2], self.matrix) + self.shift.unsqueeze(1)


def equivariance_loss(motion: Motion, moved: Motion, transform: Transform) -> Tensor:
    """Mean absolute distance of the keypoints of pictures from those of the moved ones, moved back (Siarohin 2019)."""
    here = torch.cat((motion.body, motion.face), dim=1)[..., :2]
    there = transform.back(torch.cat((moved.body, moved.face), dim=1))
    return (here - there).abs().mean()
