"""What is measured: a frame that a method made, and what belongs to it."""

from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from ptus.faces import FaceBox
from ptus.images import Pixels

Values: TypeAlias = dict[str, float]
"""Measures by name."""


class Moment(NamedTuple):
    """A frame of a result. All pictures are squares (S, S, 3) of one size, all boxes in their pixels."""

    source: Pixels
    """The picture that was animated."""
    driving: Pixels
    """The driver's frame; in self-reenactment the true frame."""
    result: Pixels
    """What the method made of the two."""
    source_face: FaceBox
    driving_face: FaceBox


def as_tensor(pixels: Pixels) -> Tensor:
    """A picture (H, W, 3) as (1, 3, H, W), float32, 0 to 1."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
