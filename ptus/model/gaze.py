"""Where eyes look: irises moved from side to side between corners and lids, which stay.

The white of an eye is drawn out on one side of its iris and pushed together on the other, so that nothing has to be
drawn that a source does not show. Up and down they do not look.
"""

import torch
from torch import Tensor

# Lengths are in units of the head's half size.
HALF_WIDTH = 0.14  # of an eye, from its middle to a corner
CORNERS = 0.2  # how far its corners are below the middle between its lids, of its height
RADIUS = 0.055  # of an iris
FARTHEST = 0.1  # of an iris from its eye's middle: a corner hides a part of it
LEAST_WHITE = 0.01  # between it and that corner
WHOLE = HALF_WIDTH - RADIUS - LEAST_WHITE  # how far one is at most that is seen wholly
SHUT = 0.03  # how high an eye is at most whose iris nobody sees; in one twice as high it goes all the way
LEAST_ARCH = 1e-3  # beside the corners
FREED = 12.0  # how fast lids let go of what is beside them: wholly from a twelfth of the way inwards


def iris_shift(across: Tensor, along: Tensor, height: Tensor, now: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Where points of an eye were when it looked elsewhere, from themselves.

    Between a corner and the iris, whose middle is at a, the white moves by the share of the way from the corner, and
    the iris as a whole by b - a: along lines that run as lids do, points keep their order. Where an iris reaches a
    corner it is hidden there. Lids are arcs from corner to corner, over an eyeball that turns behind them; where they
    hid it, it is drawn out.

    Args:
        across: points of a picture, to the right of the eye's middle, (B, h, w), or what broadcasts to that, as all of
            these.
        along: the same downwards.
        height: of the eye.
        now: where the iris is, to the right of the eye's middle: a.
        before: where it was: b.

    Returns:
        To the right, then down, as the points; nothing beyond lids.
    """
    at, was = now.clamp(min=-FARTHEST, max=FARTHEST), before.clamp(min=-WHOLE, max=WHOLE)
    to_left, to_right = ((HALF_WIDTH - RADIUS + way).clamp(min=LEAST_WHITE) for way in (at, -at))
    share = torch.minimum((HALF_WIDTH + across) / to_left, (HALF_WIDTH - across) / to_right).clamp(min=0, max=1)
    high, bend = height.clamp(min=SHUT), lid_arch(across).clamp(min=LEAST_ARCH)
    below_corners = along - CORNERS * high
    lid = torch.where(below_corners < 0, 0.5 + CORNERS, 0.5 - CORNERS) * high * bend
    free = (FREED * (1 - (below_corners / lid).abs())).clamp(min=0, max=1)
    right = free * seen(height) * share * (was - at)
    there = lid_arch(across + right).clamp(min=LEAST_ARCH)
    return right, below_corners * (there / bend - 1).clamp(max=0) * (free > 0)


def seen(height: Tensor) -> Tensor:
    """How much is known of where an eye looks that is so high: 0 to 1."""
    return (height / SHUT - 1).clamp(min=0, max=1)


def lid_arch(across: Tensor) -> Tensor:
    """How far a lid is from the corners' height, of how far it is in the middle."""
    return 1 - (across / HALF_WIDTH).square()
