"""Mouths that open: lips part along arches from corner to corner, and what they show is painted.

What a source with closed lips hides no flow can show, and few filmed mouths teach a network little more than their mean
colour. Teeth belong to the head: they stay while lips bare them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.motion import Motion
from ptus.model.mouth_inside import painted
from ptus.model.parting import PARTING_MAPS, Edges, parted, parting
from ptus.model.patches import Patch, points
from ptus.model.rotation import product, upright
from ptus_kernels import grid_sample_2d

# Lengths are in units of the head's half size.
ABOVE, BELOW = 0.2, 0.3  # how far above and below the lips skin goes with them
UPPER_LIP, LOWER_LIP = 0.05, 0.09  # how thick lips are: they go along wholly
LEAST_HALF = 0.06  # from a mouth's middle to a corner, also of a head that is seen from the side
ROUNDNESS = 2.5  # an arch is 1 - |x|^2.5: a little fuller than a parabola
STRETCHED, PAINTED = 1.5, 3.0  # times as high as it was: the source shows up to there, from there on all is painted
LEAST_HEIGHT = 0.02  # of what is compared there
CHEEKS = 0.5  # how far beyond its corners skin is looked at, of the way from a mouth's middle
PATCH = (129, 65)  # points down and across
CORNERS = [list(standing.FACE).index(name) for name in ("left mouth corner", "right mouth corner")]
LIPS = list(standing.OPENINGS[-1])


@dataclass(frozen=True)
class Mouth:
    """A mouth of the driven frame, with its lips.

    Args:
        patch: maps of lips that part, then what is painted, RGB times its share, and that share.
        down: what a step down the head is in the source, (B, 2).
    """

    patch: Patch
    down: Tensor

    @classmethod
    def between(cls, source: Motion, driven: Motion, local: Motions, colours: Tensor) -> "Mouth":
        """From the motion that is shown to that of the source.

        Args:
            source: of faces that have a mouth, as all of them.
            driven: the motion that is shown.
            local: what the expression adds in the driven frame.
            colours: of the source, logits, (B, 3, h, w).
        """
        now, before = (keypoints[:, CORNERS + LIPS, :2] for keypoints in (local.driving, local.source))
        centre = now[:, len(CORNERS) :].mean(dim=1)
        to_head = upright(driven.rotation).transpose(1, 2) / driven.scale.unsqueeze(1)
        now, before = (product(keypoints - centre.unsqueeze(1), to_head) for keypoints in (now, before))
        left, right = (-now[:, 0, 0]).clamp(min=LEAST_HALF), now[:, 1, 0].clamp(min=LEAST_HALF)
        share = left / (left + right)  # of the way from the left corner, where lips are open farthest
        tilt = now[:, 1, 1] - now[:, 0, 1]
        edges, edges_before = (_edges(keypoints, share) for keypoints in (now, before))
        top = torch.minimum(edges.upper, edges_before.upper) - ABOVE
        bottom = torch.maximum(edges.lower, edges_before.lower) + BELOW
        corners = torch.lerp(now[:, 0, 1], now[:, 1, 1], share)
        high = corners.abs() + tilt.abs() + torch.maximum(-top, bottom)
        half = torch.stack((torch.maximum(left, right), high), dim=1)

        columns, rows = points(half, PATCH)
        aside = columns / torch.where(columns < 0, _maps(left), _maps(right))
        arch = 1 - aside.abs().clamp(max=1).pow(ROUNDNESS)
        line = _maps(corners) + _maps(tilt / (left + right)) * columns
        below = rows - line
        arched, arched_before = edges.arched(arch), edges_before.arched(arch)
        ends = Edges(_maps(top), _maps(bottom))
        lips = parting(below, arched, arched_before, ends, (UPPER_LIP, LOWER_LIP))

        times = edges.height / (edges_before.height + LEAST_HEIGHT)
        shown = ((times - STRETCHED) / (PAINTED - STRETCHED)).clamp(min=0, max=1)
        at_rest = _maps(before[:, 2, 1]) - line
        inside = painted(below, aside, arched, at_rest, *_colours(source, colours))
        maps = torch.cat((lips, inside * shown[:, None, None, None]), dim=1)
        return cls(Patch.over(maps, driven, centre, half), source.scale * upright(source.rotation)[:, 1])

    def at(self, size: Sequence[int], end: float = 1.0) -> Tensor:
        """What lips add on a frame of a size (H, W), as `Patch.on`: (B, H, W, 2), zeros beyond them."""
        laid = self._some(slice(PARTING_MAPS)).on(size, end)
        return laid.spread(parted(laid.maps) * self.down[..., None, None]).permute(0, 2, 3, 1)

    def paint(self, pictures: Tensor, end: float = 1.0) -> Tensor:
        """Pictures (B, 3, H, W), RGB in [0, 1], with the inside of the mouth.

        Args:
            pictures: of the driven frame.
            end: as `Patch.on`.
        """
        laid = self._some(slice(PARTING_MAPS, None)).on(pictures.shape[2:], end)
        colour, share = laid.maps.split((3, 1), dim=1)
        return pictures + laid.spread(colour - share * pictures[..., laid.rows, laid.columns])

    def _some(self, channels: slice) -> Patch:
        return replace(self.patch, maps=self.patch.maps[:, channels])


def without_opening(local: Motions) -> Motions:
    """Motions in which lids stay and lips go as their corners do: what is left for `EyeFlow` and `Mouth` to add."""
    added = list((local.source - local.driving).unbind(dim=1))
    beside = (added[CORNERS[0]] + added[CORNERS[1]]) / 2
    for pair in standing.OPENINGS:
        for number in pair:
            added[number] = beside if number in LIPS else torch.zeros_like(beside)
    return replace(local, source=local.driving + torch.stack(added, dim=1))


def _edges(keypoints: Tensor, share: Tensor) -> Edges:
    """Of corners and lips (B, 4, 2) along the head."""
    left, right, upper, lower = keypoints[..., 1].unbind(dim=1)
    return Edges.of(upper, lower, torch.lerp(left, right, share))


def _colours(source: Motion, colours: Tensor) -> tuple[Tensor, Tensor]:
    """Of the source's lips, and of the skin beside them, (B, 3) each."""
    corners, lips = (source.face[:, numbers, :2] for numbers in (CORNERS, LIPS))
    middle = lips.mean(dim=1, keepdim=True)
    places = torch.cat((middle, corners + CHEEKS * (corners - middle)), dim=1).unsqueeze(1)
    found = grid_sample_2d(colours, places, padding_mode="border", align_corners=False).squeeze(2).sigmoid()
    of_lips, cheeks = found.split((1, len(CORNERS)), dim=2)
    return of_lips.squeeze(2), cheeks.amax(dim=2)  # one of them may lie beside the face, or in the shade


def _maps(numbers: Tensor) -> Tensor:
    """(B,) → (B, 1, 1)."""
    return numbers[:, None, None]
