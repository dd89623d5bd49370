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
TOWARDS = 0.5
"""How far towards an edge at which the picture goes on a point sees at most, of its own distance from there; any other
way that distance itself. So nothing is drawn out, or together, more than twice, or sheared by more than half a right
angle. Only along the upper edge all may move: a head may be close to it, but nobody goes on beyond."""


class Sides(NamedTuple):
    """The sides at which a source goes on in the picture it is put back into."""

    left: bool = False
    top: bool = False
    right: bool = False
    bottom: bool = False


WHOLE_PICTURE = Sides()


def within_reach(places: Tensor, goes_on: Sides = WHOLE_PICTURE) -> Tensor:
    """Where points see a source (…, H, W, 2), x and y: no farther outside than it has something to show.

    The points are those of `identity_grid`; the edges are at -1 and 1.
    """
    across, down = lines(places.shape[-3:-1], places)
    own = across, down.unsqueeze(-1)
    sides = [(axis, side) for on, axis, side in zip(goes_on, (0, 1, 0, 1), (-1, -1, 1, 1), strict=True) if on]
    found = []
    for axis, (place, line, lowest) in enumerate(zip(places.unbind(-1), own, (-1 - STRIP, -1.0), strict=True)):
        seen = place.clamp(lowest, 1 + STRIP)
        for of_axis, side in sides:
            if (axis, of_axis, side) == (0, 1, -1):
                continue
            away = 1 - side * own[of_axis]
            back, forth = (TOWARDS * away if (of_axis, side) == (axis, way) else away for way in (-1, 1))
            seen = torch.minimum(torch.maximum(seen, line - back), line + forth)
        found.append(seen)
    return torch.stack(found, dim=-1)


def mirrored(places: Tensor) -> Tensor:
    """Where a source shows what lies at places that are `within_reach`.

    Inside they are what they were, bit by bit. Outside they have no gradient: a mirror image is no sign of where a
    point is.

    Args:
        places: coordinates of points, of any shape; -1 and 1 are the edges.
    """
    nearest = places.clamp(-1.0, 1.0)
    return nearest + (nearest - places).detach()
