"""The head as an ellipse in the picture, and points of a frame as they lie about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ptus.model.layers import lines
from ptus.model.motion import Motion
from ptus.model.rotation import downwards

RIM = 6.0  # logit of the face region in the middle of the head, 0 at its rim; at least the opposite beyond
MIDDLE = -0.3  # height of the head's middle: it is measured from its joint, and hair belongs to it
HALF_WIDTH, HALF_HEIGHT, HALF_DEPTH = 0.75, 1.0, 0.7  # of the head, in units of its half size


@dataclass(frozen=True)
class HeadFrame:
    """Points of a map in a head's own frame: its ellipsoid is the unit circle there.

    Args:
        across: to the right, (B, 1, h, w).
        along: down from its middle, likewise.
    """

    across: Tensor
    along: Tensor

    @classmethod
    def of(cls, motion: Motion, size: Sequence[int]) -> "HeadFrame":
        """That of a motion's head, for a map of a size (h, w)."""
        across, along = along_the_head(motion, motion.translation[:, None, :2], size)
        scale = motion.scale[..., None, None]
        return cls(across / (HALF_WIDTH * scale), (along / scale - MIDDLE) / HALF_HEIGHT)

    @classmethod
    def at(cls, motion: Motion, places: Tensor) -> "HeadFrame":
        """That of a motion's head, for points anywhere in the frame, (B, h, w, 2)."""
        right, under = (places - motion.translation[:, None, None, :2]).unsqueeze(1).unbind(dim=-1)
        sine, cosine = downwards(motion.rotation)[:, :, None, None].split(1, dim=1)
        across, along = cosine * right - sine * under, sine * right + cosine * under
        scale = motion.scale[..., None, None]
        return cls(across / (HALF_WIDTH * scale), (along / scale - MIDDLE) / HALF_HEIGHT)

    def distance(self, reach: float | Tensor = 1.0, below: float = 1.0) -> Tensor:
        """Squared distance from the head's middle, 1 at its rim: (B, 1, h, w).

        Args:
            reach: how much farther the rim is to both sides and above, also of each point, (B, 1, h, w).
            below: how much farther it is below.
        """
        x, y = self.across / reach, self.along
        distance: Tensor = torch.where(y < 0, y / reach, y / below).square() + x.square()
        return distance

    def region(self, reach: float | Tensor = 1.0, below: float = 1.0) -> Tensor:
        """Logits of where the head is, or what reaches farther, as `distance`: (B, 1, h, w)."""
        return RIM * (1 - self.distance(reach, below)).clamp(min=-1)


def along_the_head(motion: Motion, middles: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """How far points of the frame are from middles, across a tilted head and along it, downwards: (B, N, h, w) each.

    Args:
        motion: of the head.
        middles: (B, N, 2).
        size: (h, w).
    """
    right, under = (line - at for line, at in zip(lines(size, middles), middles.split(1, dim=2), strict=True))
    sine, cosine = downwards(motion.rotation).unsqueeze(1).split(1, dim=2)
    across = (cosine * right).unsqueeze(2) - (sine * under).unsqueeze(3)
    return across, (sine * right).unsqueeze(2) + (cosine * under).unsqueeze(3)
