"""Eyes and mouth as openings: what they show that the source does not, which has to be drawn or painted.

Where lips part, a warp brings what lies beyond each of them in the source: the other lip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.layers import lines
from ptus.model.motion import Motion, lids_and_lips
from ptus.model.rotation import downwards, upright, width

HALF_WIDTHS = (0.13, 0.13, 0.2)  # of an opening from corner to corner, of the head's half size
LEAST_HEIGHT = 0.02  # what closed lids and lips are apart at least, likewise
SLOPE = 2.0  # how fast an opening begins at its rim: it is whole from seven tenths of its half size inwards
OPENING_MAPS = 2


@dataclass(frozen=True)
class Ellipses:
    """N ellipses in the picture's plane: about its middle each is share · clamp(SLOPE - of_x x² - of_y y² - mixed x y).

    Args:
        middle: x and y, (B, N, 2).
        of_x: factor of x², (B, N, 1).
        of_y: factor of y², likewise.
        mixed: factor of x y, likewise.
        share: how strong it is where it is whole, (B, N).
    """

    middle: Tensor
    of_x: Tensor
    of_y: Tensor
    mixed: Tensor
    share: Tensor

    @classmethod
    def between(cls, rims: Tensor, head: Motion, height: Tensor, less: Tensor) -> "Ellipses":
        """Of openings, each as strong as the share of its height that another lacks: its rim is half that high.

        Args:
            rims: upper and lower keypoints, (B, N, 2, 3).
            head: whose tilt, turn and size they have.
            height: of each, in units of the head's half size, (B, N).
            less: of the other, likewise.
        """
        scale = head.scale
        half_widths = torch.cat([scale.new_full((1, 1), half) for half in HALF_WIDTHS], dim=1)[:, : rims.shape[1]]
        right, down = upright(head.rotation).unsqueeze(1).unbind(dim=2)
        along = 2 * down / (height * scale).unsqueeze(2)
        across = right / (half_widths * scale * width(head.rotation)).unsqueeze(2)
        of_x, of_y = (SLOPE * (across.square() + along.square())).split(1, dim=2)
        mixed = 2 * SLOPE * (across.prod(dim=2, keepdim=True) + along.prod(dim=2, keepdim=True))
        return cls(rims[..., :2].mean(dim=2), of_x, of_y, mixed, (height - less).clamp(min=0) / height)

    def __getitem__(self, some: slice) -> "Ellipses":
        """Some of them."""
        return Ellipses(*(getattr(self, field.name)[:, some] for field in fields(self)))

    def on(self, size: Sequence[int]) -> Tensor:
        """Their sum at the points of a map of a size (h, w): (B, 1, h, w), where none overlap from 0 to 1."""
        places = self.middle.split(1, dim=2)
        x, y = (line - at for line, at in zip(lines(size, self.middle), places, strict=True))
        strength = (SLOPE - self.of_y * y.square()).unsqueeze(3) - (self.of_x * x.square()).unsqueeze(2)
        strength = torch.addcmul(strength, y.unsqueeze(3), (self.mixed * x).unsqueeze(2), value=-1).clamp(min=0, max=1)
        return (self.share[..., None, None] * strength).sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class Openings:
    """Openings between lids and between lips, each an ellipse; none of which there are no keypoints.

    Args:
        opened: what is open and was not in the source.
        closed: what was open there and is not.
        painted: whether the inside of the mouth is painted, so that none has to be drawn.
    """

    opened: Ellipses
    closed: Ellipses
    painted: bool = False

    @classmethod
    def between(cls, local: Motions, source: Motion, driven: Motion, *, painted: bool = False) -> "Openings":
        """From the motion that the source has to the one that is shown.

        Args:
            local: what the expression adds at each of the face's keypoints, in the driven frame: as the driver has it,
                and as the source has it.
            source: the motion that the source has.
            driven: the motion that is shown.
            painted: as above.
        """
        now, before = _heights(driven), _heights(source)
        opened = Ellipses.between(lids_and_lips(local.driving), driven, now, before)
        return cls(opened, Ellipses.between(lids_and_lips(local.source), driven, before, now), painted)

    def at(self, size: Sequence[int]) -> Tensor:
        """What is open and was not in the source, then what was open there and is not.

        Args:
            size: (h, w).

        Returns:
            (B, 2, h, w), from 0 to the share of the opening's height that is new, or gone.
        """
        return torch.cat((self.opened.on(size), self.closed.on(size)), dim=1)

    def new(self, size: Sequence[int]) -> Tensor:
        """What has to be drawn: the first of the maps that `at` gives, less a mouth that is painted, (B, 1, h, w)."""
        return (self.opened[: len(standing.EYES)] if self.painted else self.opened).on(size)


def _heights(motion: Motion) -> Tensor:
    """Of each opening, along the head, in units of the head's half size: (B, N)."""
    upper, lower = lids_and_lips(motion.face)[..., :2].unbind(dim=2)
    apart = ((lower - upper) * downwards(motion.rotation).unsqueeze(1)).sum(dim=2)
    return apart.clamp(min=0) / motion.scale + LEAST_HEIGHT
