"""Heads that stay within a square that is put back into a larger picture, however far the driver's goes.

Beyond the square nobody draws them: they would be cut off, in the middle of the picture.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ptus.model.motion import Motion
from ptus.model.prior import HALF_HEIGHT, HALF_WIDTH, MIDDLE
from ptus.model.rotation import upright
from ptus.model.source_edges import Sides

ROOM = 0.05  # what is left at last between head and edge, of the square's half side
SLOWER = 0.3  # from where on a head that comes nearer goes slower
LEAST_WAY = 0.08  # how far one may go that begins close to an edge


def kept_within(source: Motion, driven: Motion, goes_on: Sides, body: float) -> Motion:
    """A driven motion whose head stays off sides at which the picture goes on; the lower one does not matter.

    A head may always be where the source has it, at a distance d_s from an edge. Nearer than d₀ = min(d_s, SLOWER) it
    is at

        d₀ - w + w exp((d - d₀) / w),   w = max(d₀ - ROOM, LEAST_WAY)

    instead of d: it goes slower and slower, and never as far as d₀ - w.

    Args:
        source: of one frame, or as many as `driven`.
        driven: of any number of frames.
        goes_on: the sides.
        body: how far the body goes along with that, 0 to 1: as far as it follows the driver.
    """
    steps = []
    for axis, (before, after) in enumerate(((goes_on.left, goes_on.right), (goes_on.top, False))):
        step = torch.zeros_like(driven.scale[:, 0])
        for side, wanted in ((-1, before), (1, after)):
            if wanted:
                step = step - side * _back(_distance(driven, axis, side), _distance(source, axis, side))
        steps.append(step)
    moved = torch.stack([*steps, torch.zeros_like(steps[0])], dim=1)
    return replace(driven, translation=driven.translation + moved, body=driven.body + body * moved.unsqueeze(1))


def _distance(motion: Motion, axis: int, side: int) -> Tensor:
    """From an edge, -1 or 1, to the head's ellipse, (B,)."""
    across, down = (each[:, axis] for each in upright(motion.rotation).unbind(dim=1))
    scale = motion.scale[:, 0]
    middle = motion.translation[:, axis] + MIDDLE * scale * down
    return 1 - side * middle - scale * ((HALF_WIDTH * across).square() + (HALF_HEIGHT * down).square()).sqrt()


def _back(distance: Tensor, own: Tensor) -> Tensor:
    """How far a head goes back from an edge."""
    start = own.clamp(max=SLOWER)
    way = (start - ROOM).clamp(min=LEAST_WAY)
    beyond = ((start - distance) / way).clamp(min=0)
    return way * (beyond + torch.expm1(-beyond))
