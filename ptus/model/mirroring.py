"""How a source goes on below its lower edge and beside it: as its own mirror image.

Where shoulders come up, or a person goes aside, what was cut off comes into the picture. Drawn out of the last row it
would be stripes; clothes and walls that turn back at the edge are hardly seen. Above the upper edge is mostly sky, a
wall, or a head: that is drawn out, since nobody has a second head above the first.
"""

import torch
from torch import Tensor

STRIP = 0.4
"""How broad a strip is mirrored, in halves of the picture; from there on its last row is drawn out, so that a face near
the edge is not shown twice."""


def within_reach(places: Tensor) -> Tensor:
    """Places (…, 2), x and y, no farther outside the edges -1 and 1 than the source has something to show."""
    x, y = places.unbind(-1)
    return torch.stack((x.clamp(-1 - STRIP, 1 + STRIP), y.clamp(-1.0, 1 + STRIP)), dim=-1)


def mirrored(places: Tensor) -> Tensor:
    """Where a source shows what lies at places that are `within_reach`.

    Inside they are what they were, bit by bit. Outside they have no gradient: a mirror image is no sign of where a
    point is.

    Args:
        places: coordinates of points, of any shape; -1 and 1 are the edges.
    """
    nearest = places.clamp(-1.0, 1.0)
    return nearest + (nearest - places).detach()
