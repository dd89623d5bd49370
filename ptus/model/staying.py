"""Heads that stay within a square that is put back into a larger picture, however far the driver's goes.

Beyond the square nobody draws them: they would be cut off, in the middle of the picture.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from ptus.model.head_frame import HALF_HEIGHT, HALF_WIDTH, MIDDLE
from ptus.model.motion import Motion
from ptus.model.rotation import upright
from ptus.model.source_edges import Sides

ROOM, SHARE_LEFT = (
    0.05,
    0.25,
)  # what is left at last between head and edge: of the square's half side; of what was there
SLOWER, SHARE_FREE = 0.3, 0.5  # from where on a head that comes nearer goes slower, likewise
LEAST_WAY = 0.08  # how far one may go that begins close to an edge


def kept_within(source: Motion, driven: Motion, goes_on: Sides) -> Motion:
    """A driven motion whose head stays off sides at which the picture goes on; the lower one does not matter.

    Where the source has it, at a distance d_s from an edge, a head may always be. Nearer than d₀ it is at

        d₀ - w + w exp((d - d₀) / w),   d₀ = min(d_s, max(SLOWER, d_s SHARE_FREE)),
                                        w = max(d₀ - max(ROOM, d_s SHARE_LEFT), LEAST_WAY)

    instead of d: it goes slower and slower, and never as far as d₀ - w. A body that went that way goes back with it.
    Between two edges d₀ is no more than half of what a head leaves free, so that one alone holds it.

    Args:
        source: of one frame, or as many as `driven`.
        driven: of any number of frames.
        goes_on: the sides.
    """
    steps = []
    for axis, sides in enumerate(((goes_on.left, goes_on.right), (goes_on.top, False))):
        edges = [side for side, on in zip((-1, 1), sides, strict=True) if on]
        now = [_distance(driven, axis, side) for side in edges]
        free = torch.stack(now).mean(dim=0) if len(edges) == 2 else None
        back = (
            side * _back(_distance(source, axis, side), there, free) for side, there in zip(edges, now, strict=True)
        )
        steps.append(-sum(back, torch.zeros_like(driven.scale[:, 0])))
    head = torch.stack(steps, dim=1)
    gone = (driven.body - source.body)[..., :2].mean(dim=1)
    body = torch.where(head * gone < 0, head.sign() * torch.minimum(head.abs(), gone.abs()), 0)
    return replace(
        driven, translation=driven.translation + pad(head, (0, 1)), body=driven.body + pad(body, (0, 1)).unsqueeze(1)
    )


def _distance(motion: Motion, axis: int, side: int) -> Tensor:
    """From an edge, -1 or 1, to the head's ellipse, (B,)."""
    across, down = (each[:, axis] for each in upright(motion.rotation).unbind(dim=1))
    scale = motion.scale[:, 0]
    middle = motion.translation[:, axis] + MIDDLE * scale * down
    return 1 - side * middle - scale * ((HALF_WIDTH * across).square() + (HALF_HEIGHT * down).square()).sqrt()


def _back(own: Tensor, distance: Tensor, free: Tensor | None) -> Tensor:
    """How far a head goes back from an edge, (B,)."""
    start = torch.minimum(own, (own * SHARE_FREE).clamp(min=SLOWER))
    start = start if free is None else torch.minimum(start, free)
    way = (start - (own * SHARE_LEFT).clamp(min=ROOM)).clamp(min=LEAST_WAY)
    beyond = ((start - distance) / way).clamp(min=0)
    return way * (beyond + torch.expm1(-beyond))
