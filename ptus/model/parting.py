"""Lids and lips that part along arches from corner to corner, and the skin that they take along."""

from dataclasses import dataclass

import torch
from torch import Tensor

PARTING_MAPS = 5
THINNEST = 1e-4  # of what is between edges, and of what skin is moved


@dataclass(frozen=True)
class Edges:
    """An upper and a lower edge, how far each is below the corners, in units of the head's half size."""

    upper: Tensor
    lower: Tensor

    @classmethod
    def of(cls, upper: Tensor, lower: Tensor, corners: Tensor) -> "Edges":
        """From heights in the picture; edges that have passed each other meet in their middle."""
        middle, half = (upper + lower) / 2 - corners, (lower - upper).clamp(min=0) / 2
        return cls(middle - half, middle + half)

    @property
    def height(self) -> Tensor:
        """How far they are apart."""
        return self.lower - self.upper

    def arched(self, arch: Tensor) -> "Edges":
        """At every point of maps (…, h, w), for edges (…): the share of it that an arch leaves."""
        return Edges(self.upper[..., None, None] * arch, self.lower[..., None, None] * arch)


def parting(down: Tensor, now: Edges, before: Edges, ends: Edges, held: tuple[float, float]) -> Tensor:
    """What a patch has to know for `parted`, as maps that have no steps and can be laid on a frame of any size.

    Skin beside an edge goes with it, wholly as far as it is held, then ever less as far as to its end. What lies
    between edges is drawn out as they part; where they close it stays, and they close over it.

    Args:
        down: points, how far each is below the corners, (..., h, w); edges are of points too.
        now: the edges as they are.
        before: as they were.
        ends: where skin above and below stays, of numbers (..., 1, 1).
        held: how far above and below the edges skin goes with them wholly.

    Returns:
        (..., PARTING_MAPS, h, w): how far above where they are points were, downwards, of skin above, between edges,
        and of skin below; how far points are below the upper edge and above the lower one.
    """
    upper, lower = before.upper - now.upper, before.lower - now.lower
    over = (now.upper - held[0] - ends.upper).clamp(min=THINNEST)
    under = (ends.lower - now.lower - held[1]).clamp(min=THINNEST)
    above = upper * ((down - ends.upper) / over).clamp(min=0, max=1)
    below = lower * ((ends.lower - down) / under).clamp(min=0, max=1)
    stays = torch.minimum(upper.clamp(min=0), lower)
    between = torch.where(upper <= lower, stays, torch.lerp(upper, lower, way(down, now)))
    return torch.stack((above, between, below, down - now.upper, now.lower - down), dim=-3)


def parted(maps: Tensor) -> Tensor:
    """Where points were, from themselves, downwards: of maps (B, PARTING_MAPS, H, W), (B, 1, H, W).

    Edges are steps: a map of the result would show what is between lids that are shut.
    """
    above, between, below, under_upper, over_lower = maps.split(1, dim=1)
    return torch.where(under_upper < 0, above, torch.where(over_lower < 0, below, between))


def way(down: Tensor, edges: Edges) -> Tensor:
    """The share of the way from the upper edge to the lower one at which points lie, from 0 to 1."""
    return ((down - edges.upper) / edges.height.clamp(min=THINNEST)).clamp(min=0, max=1)
