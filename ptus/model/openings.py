"""Eyes and mouth as openings: what they show that the source does not, which nothing but drawing can give.

Where lips part, a warp brings what lies beyond each of them in the source: the other lip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.layers import lines
from ptus.model.motion import Motion
from ptus.model.rotation import downwards, width

HALF_WIDTHS = (0.13, 0.13, 0.2)  # of an opening from corner to corner, of the head's half size
LEAST_HEIGHT = 0.02  # what closed lids and lips are apart at least, likewise
SLOPE = 2.0  # how fast an opening begins at its rim: it is whole from seven tenths of its half size inwards
OPENING_MAPS = 2


@dataclass(frozen=True)
class Openings:
    """Openings between lids and between lips, each an ellipse; none of which there are no keypoints.

    Args:
        local: what the expression adds at each of the face's keypoints, in the driven frame: as the driver has it, and
            as the source has it.
        source: the motion that the source has.
        driven: the motion that is shown.
    """

    local: Motions
    source: Motion
    driven: Motion

    def at(self, size: Sequence[int]) -> Tensor:
        """What is open and was not in the source, then what was open there and is not.

        Args:
            size: (h, w).

        Returns:
            (B, 2, h, w), from 0 to the share of the opening's height that is new, or gone.
        """
        now, before = _heights(self.driven), _heights(self.source)
        gone = self._ellipses(self.local.source, before, now, size)
        return torch.cat((self.new(size), gone), dim=1)

    def new(self, size: Sequence[int]) -> Tensor:
        """The first of the maps that `at` gives, (B, 1, h, w)."""
        return self._ellipses(self.local.driving, _heights(self.driven), _heights(self.source), size)

    def _ellipses(self, face: Tensor, heights: list[Tensor], other: list[Tensor], size: Sequence[int]) -> Tensor:
        """Ellipses at keypoints (B, K, 3), as strong as the share of its height that the other lacks: (B, 1, h, w)."""
        motion = self.driven
        found = face.new_zeros(len(face), *size)
        down = downwards(motion.rotation)
        wide = width(motion.rotation)
        for (upper, lower), half_width, height, less in zip(_pairs(face), HALF_WIDTHS, heights, other, strict=False):
            middle = ((upper + lower) / 2).split(1, dim=-1)
            x, y = (line - at for line, at in zip(lines(size, face), middle, strict=True))
            along = 2 * down / (height * motion.scale)
            across = torch.stack((down[:, 1], -down[:, 0]), dim=-1) / (half_width * motion.scale * wide)
            # SLOPE (1 - ‖(x, y) · across, (x, y) · along‖²) as a polynomial: at the picture's size every pass counts.
            of_x, of_y = (SLOPE * (across.square() + along.square())).split(1, dim=-1)
            mixed = -2 * SLOPE * (across.prod(dim=-1, keepdim=True) + along.prod(dim=-1, keepdim=True))
            strength = (SLOPE - of_y * y.square()).unsqueeze(2) - (of_x * x.square()).unsqueeze(1)
            strength = torch.addcmul(strength, y.unsqueeze(2), (mixed * x).unsqueeze(1)).clamp(min=0, max=1)
            found = torch.addcmul(found, strength, ((height - less).clamp(min=0) / height).unsqueeze(2))
        return found.unsqueeze(1)


def _pairs(face: Tensor) -> list[tuple[Tensor, Tensor]]:
    """x and y of upper and lower keypoints of each opening that there are any of, (B, 2) each."""
    there = [pair for pair in standing.OPENINGS if max(pair) < face.shape[1]]
    return [(face[:, upper, :2], face[:, lower, :2]) for upper, lower in there]


def _heights(motion: Motion) -> list[Tensor]:
    """Of each opening, along the head, in units of the head's half size: (B, 1) each."""
    down = downwards(motion.rotation)
    apart = [((lower - upper) * down).sum(dim=-1, keepdim=True) for upper, lower in _pairs(motion.face)]
    return [height.clamp(min=0) / motion.scale + LEAST_HEIGHT for height in apart]
