"""What is seen at the edges of a source, and beyond them.

Where a source ends, what was cut off comes into the picture as shoulders come up, or a person goes aside. Drawn out of
the last row it would be stripes; clothes and walls that turn back at the edge are hardly seen. Above the upper edge is
mostly sky, a wall, or a head: that is drawn out, since nobody has a second head above the first.

Where a source is a part of a picture, and put back into it, what moves has to fit what stays: it is drawn out or
together towards that edge.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ptus.model.layers import lines

STRIP = 0.4
"""How broad a strip is mirrored, in halves of the picture; from there on its last row is drawn out, so that a face near
the edge is not shown twice."""


class Sides(NamedTuple):
    """The sides at which a source goes on in the picture it is put back into."""

    left: bool = False
    top: bool = False
    right: bool = False
    bottom: bool = False


WHOLE_PICTURE = Sides()


class _Limits(NamedTuple):
    """How far from itself a point sees at most, of its distance from an edge at which the picture goes on.

    Half of it towards that edge: nothing is drawn out more than twice. Away from it, and along it, heads must not be
    pushed together or sheared; only below there are none.
    """

    along: float
    away: float = 3.0
    towards: float = 0.5


_LIMITS = _Limits(along=3.0), _Limits(along=float("inf")), _Limits(along=3.0), _Limits(along=1.0, away=1.0)


def within_reach(places: Tensor, goes_on: Sides = WHOLE_PICTURE) -> Tensor:
    """Where points see a source (…, H, W, 2), x and y: no farther outside than it has something to show.

    The points are those of `identity_grid`; the edges are at -1 and 1.
    """
    across, down = lines(places.shape[-3:-1], places)
    own = across, down.unsqueeze(-1)
    edges = zip(goes_on, _LIMITS, (0, 1, 0, 1), (-1, -1, 1, 1), strict=True)
    held = [(limits, axis, side) for on, limits, axis, side in edges if on]
    found = []
    for axis, (place, line, lowest) in enumerate(zip(places.unbind(-1), own, (-1 - STRIP, -1.0), strict=True)):
        seen = place.clamp(lowest, 1 + STRIP)
        for limits, of_axis, side in held:
            ahead, back = (limits.towards, limits.away) if of_axis == axis else (limits.along, limits.along)
            if ahead < float("inf"):
                distance = 1 - side * own[of_axis]
                least, most = (back, ahead) if side > 0 else (ahead, back)
                seen = torch.minimum(torch.maximum(seen, line - least * distance), line + most * distance)
        found.append(seen)
    return torch.stack(found, dim=-1)


def mirrored(places: Tensor, side: int) -> Tensor:
    """Where a source shows what lies at places that are `within_reach`: as `padding_mode="reflection"` of edges.

    Inside they are what they were, bit by bit. Outside they have no gradient: a mirror image is no sign of where a
    point is.

    Args:
        places: coordinates of points, of any shape; -1 and 1 are the middles of the source's outermost pixels.
        side: of the source, pixels.
    """
    edge = side / (side - 1)
    nearest = places.clamp(-edge, edge)
    return nearest + (nearest - places).detach()
