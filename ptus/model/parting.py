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

    def beyond(self, down: Tensor) -> Tensor:
        """How far points are above the upper edge or below the lower one, less than 0 between them."""
        return torch.maximum(self.upper - down, down - self.lower)

    def arched(self, arch: Tensor) -> "Edges":
        """At every point of maps (…, h, w), for edges (…): the share of it that an arch leaves."""
        return Edges(self.upper[..., None, None] * arch, self.lower[..., None, None] * arch)


def parting(down: Tensor, edges: Edges, above: Tensor, between: Tensor, below: Tensor) -> Tensor:
    """What a patch has to know for `parted`, as maps that have no steps and can be laid on a frame of any size.

    Args:
        down: points, how far each is below the corners, (..., h, w).
        edges: as they are, at these points.
        above: how far below where they are points of the skin above were.
        between: the same of what lies between edges.
        below: the same of the skin below.

    Returns:
        (..., PARTING_MAPS, h, w): how far below where they are points were, of skin above, between edges, and of skin
        below; how far points are below the upper edge and above the lower one.
    """
    return torch.stack((above, between, below, down - edges.upper, edges.lower - down), dim=-3)


def drawn_out(down: Tensor, now: Edges, before: Edges) -> Tensor:
    """What lies between edges is drawn out as they part. Where they close over it, it stays, as far as they let it.

    Args:
        down: points.
        now: the edges as they are, at these points.
        before: as they were.
    """
    upper, lower = before.upper - now.upper, before.lower - now.lower
    stays = torch.minimum(upper.clamp(min=0), lower)
    return torch.where(upper <= lower, stays, torch.lerp(upper, lower, way(down, now)))


def share_left(down: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The share of a step that skin takes which goes along wholly up to a line, and from another on not at all.

    Args:
        down: points.
        start: line up to which it goes along.
        end: line from which it stays, above that or below.
    """
    apart = end - start
    far = torch.where(apart.abs() < THINNEST, THINNEST, apart)
    return ((end - down) / far).clamp(min=0, max=1)


def parted(maps: Tensor) -> Tensor:
    """Where points were, from themselves, downwards: of maps (B, PARTING_MAPS, H, W), (B, 1, H, W).

    Edges are steps: a map of the result would show what is between lids that are shut.
    """
    above, between, below, under_upper, over_lower = maps.split(1, dim=1)
    return torch.where(under_upper < 0, above, torch.where(over_lower < 0, below, between))


def way(down: Tensor, edges: Edges) -> Tensor:
    """The share of the way from the upper edge to the lower one at which points lie, from 0 to 1."""
    return ((down - edges.upper) / edges.height.clamp(min=THINNEST)).clamp(min=0, max=1)
