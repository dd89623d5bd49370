"""Eyes and mouth as openings: what they show that the source does not, which has to be drawn or painted.

Where lips part, a warp brings what lies beyond each of them in the source: the other lip.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.gaze import seen
from ptus.model.layers import lines
from ptus.model.motion import Motion, lids_and_lips
from ptus.model.rotation import downwards, upright, width

HALF_WIDTHS = (0.13, 0.13, 0.2)  # of an opening from corner to corner, of the head's half size
LEAST_HEIGHT = 0.02  # what closed lids and lips are apart at least, likewise
THICK = (0.05, 0.05, 0.1)  # how far lids and lips themselves reach above and below, likewise
WIDER = 1.25  # how much farther than an opening they reach to both sides
EDGE = 0.05  # over which what is beyond a source's edge ceases to be shown, of the picture's half side
HIDES, SHOWS = 0.5, 0.75  # how wide the source's head is of the driven one's where openings are hidden, and are shown
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
        return cls.over(rims, head, height, HALF_WIDTHS, (height - less).clamp(min=0) / height)

    @classmethod
    def over(
        cls, rims: Tensor, head: Motion, height: Tensor, half_widths: Sequence[float], share: Tensor
    ) -> "Ellipses":
        """As `between`, of half a width each in units of the head's half size, and as strong as given, (B, N)."""
        scale = head.scale
        half = torch.cat([scale.new_full((1, 1), half) for half in half_widths], dim=1)[:, : rims.shape[1]]
        right, down = upright(head.rotation).unsqueeze(1).unbind(dim=2)
        along = 2 * down / (height * scale).unsqueeze(2)
        across = right / (half * scale * width(head.rotation)).unsqueeze(2)
        of_x, of_y = (SLOPE * (across.square() + along.square())).split(1, dim=2)
        mixed = 2 * SLOPE * (across.prod(dim=2, keepdim=True) + along.prod(dim=2, keepdim=True))
        return cls(rims[..., :2].mean(dim=2), of_x, of_y, mixed, share)

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
        drawn: of what is open, what has to be drawn. Where lids and lips have flows of their own, that is eyes alone
            whose irises the source does not show: others are drawn out, and the inside of a mouth is painted.
        of_source: lids and lips that have flows of their own, with all between them, as far as the source shows them:
            that is better than anything that is drawn. None where they are moved with all else.
    """

    opened: Ellipses
    closed: Ellipses
    drawn: Ellipses
    of_source: Ellipses | None = None

    @classmethod
    def between(cls, local: Motions, source: Motion, driven: Motion, *, parted: bool = False) -> "Openings":
        """From the motion that the source has to the one that is shown.

        Args:
            local: what the expression adds at each of the face's keypoints, in the driven frame: as the driver has it,
                and as the source has it.
            source: the motion that the source has.
            driven: the motion that is shown.
            parted: whether lids and lips have flows of their own, and the inside of the mouth is painted.
        """
        now, before = _heights(driven), _heights(source)
        opened = Ellipses.between(lids_and_lips(local.driving), driven, now, before)
        closed = Ellipses.between(lids_and_lips(local.source), driven, before, now)
        if not parted:
            return cls(opened, closed, opened)
        eyes = opened[: len(standing.EYES)]
        unseen = 1 - seen(before[:, : len(standing.EYES)] - LEAST_HEIGHT)
        high = now + 2 * torch.cat([now.new_full((1, 1), thick) for thick in THICK], dim=1)
        wide = [WIDER * half for half in HALF_WIDTHS]
        of_source = Ellipses.over(lids_and_lips(local.driving), driven, high, wide, _shown_by(source, driven))
        return cls(opened, closed, replace(eyes, share=unseen * eyes.share), of_source)

    def at(self, size: Sequence[int]) -> Tensor:
        """What is open and was not in the source, then what was open there and is not.

        Args:
            size: (h, w).

        Returns:
            (B, 2, h, w), from 0 to the share of the opening's height that is new, or gone.
        """
        return torch.cat((self.opened.on(size), self.closed.on(size)), dim=1)

    def new(self, size: Sequence[int]) -> Tensor:
        """What has to be drawn, (B, 1, h, w), as the first of the maps that `at` gives."""
        return self.drawn.on(size)


def _shown_by(source: Motion, driven: Motion) -> Tensor:
    """How much a source shows of each opening that is seen in a driven frame, from 0 to 1: (B, N).

    Nothing of what lies beyond its edges, and nothing where its head is turned aside and the driven one is not.
    """
    inside = 1 - lids_and_lips(source.face)[..., :2].mean(dim=2).abs().amax(dim=2)
    turned = width(source.rotation) / width(driven.rotation)
    return (inside / EDGE).clamp(min=0, max=1) * ((turned - HIDES) / (SHOWS - HIDES)).clamp(min=0, max=1)


def _heights(motion: Motion) -> Tensor:
    """Of each opening, along the head, in units of the head's half size: (B, N)."""
    upper, lower = lids_and_lips(motion.face)[..., :2].unbind(dim=2)
    apart = ((lower - upper) * downwards(motion.rotation).unsqueeze(1)).sum(dim=2)
    return apart.clamp(min=0) / motion.scale + LEAST_HEIGHT
