"""Where eyes look: irises moved from side to side between corners and lids, which stay.

The white of an eye is drawn out on one side of its iris and pushed together on the other, so that nothing has to be
drawn that a source does not show. Up and down they go with the lids.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ptus.model import standing
from ptus.model.layers import lines
from ptus.model.motion import Motion
from ptus.model.rotation import product, upright, width
from ptus_kernels import grid_sample_2d

# Lengths are in units of the head's half size.
HALF_WIDTH = 0.14  # of an eye, from its middle to a corner
RADIUS = 0.055  # of an iris
FARTHEST = 0.065  # of an iris from its eye's middle: some white is left at either corner
OPEN = 0.02  # how high an eye has to be for its iris to go all the way: in one that is closed nothing moves
RIM = 4.0  # how fast lids hold on to what is beside them: not at all from an eighth of the way inwards
PATCH = (97, 25)  # points across and down both eyes


def iris_shift(across: Tensor, along: Tensor, height: Tensor, now: Tensor, before: Tensor) -> Tensor:
    """Where points of an eye were when it looked elsewhere, from themselves.

    Between a corner and the iris, whose middle is at a, the white moves by the share of the way from the corner, and
    the iris as a whole by b - a: points keep their order, as neither iris reaches a corner.

    Args:
        across: points of a picture, to the right of the eye's middle, (B, h, w), or what broadcasts to that.
        along: the same downwards.
        height: of the eye, (B, 1, 1).
        now: where the iris is, to the right of the eye's middle: a, (B, 1, 1).
        before: where it was: b, (B, 1, 1).

    Returns:
        To the right, as the points; nothing beyond corners and lids.
    """
    at, was = (place.clamp(min=-FARTHEST, max=FARTHEST) for place in (now, before))
    to_left, to_right = HALF_WIDTH - RADIUS + at, HALF_WIDTH - RADIUS - at
    share = torch.minimum((HALF_WIDTH + across) / to_left, (HALF_WIDTH - across) / to_right).clamp(min=0, max=1)
    free = (RIM * (1 - (2 * along / height.clamp(min=OPEN)).square())).clamp(min=0, max=1)
    return free * (height / OPEN).clamp(min=0, max=1) * share * (was - at)


@dataclass(frozen=True)
class GazeFlow:
    """What the motion of irises adds to where points of the driven frame are seen in the source.

    It is computed once for a patch over both eyes, which is then laid on a frame of any size.

    Args:
        patch: steps in [-1, 1] of the source, (B, 2, h, w).
        across: where a step to the right in the frame leads in the patch, in [-1, 1] of it: (B, 2).
        down: the same of a step down.
        middle: where the frame's middle is in the patch, (B, 2).
    """

    patch: Tensor
    across: Tensor
    down: Tensor
    middle: Tensor

    @classmethod
    def between(cls, source: Motion, driven: Motion) -> "GazeFlow | None":
        """From the motion that is shown to that of the source; None of faces that have no lids."""
        pairs = [pair for pair in standing.OPENINGS[: len(standing.IRISES)] if max(pair) < driven.face.shape[1]]
        if not pairs:
            return None
        axes, wide, wide_there = upright(driven.rotation), width(driven.rotation), width(source.rotation)
        face = driven.face[..., :2].unbind(dim=1)
        lids = torch.stack([face[lid] for pair in pairs for lid in pair], dim=1)
        centre = lids.mean(dim=1, keepdim=True)
        along_head = product((lids - centre) / driven.scale.unsqueeze(1), axes.transpose(1, 2))
        upper, lower = along_head.unflatten(1, (len(pairs), 2)).unbind(dim=2)
        eyes, opening = (upper + lower) / 2, lower - upper
        to_lower_lid, height = opening[..., 0] / (2 * wide), opening[..., 1]
        corners = torch.stack(((HALF_WIDTH * wide).expand_as(height), height.clamp(min=OPEN) / 2), dim=-1)
        half = (eyes.abs() + corners).amax(dim=1)

        columns, rows = (torch.linspace(-1, 1, steps, device=half.device, dtype=half.dtype) for steps in PATCH)
        across = (half[:, :1, None, None] * columns - eyes[..., :1, None]) / wide[..., None, None]
        along = half[:, 1:, None, None] * rows.unsqueeze(1) - eyes[..., 1:, None]
        gazes = (to_lower_lid + motion.gaze[:, : len(pairs)] for motion in (driven, source))
        places = (each[..., None, None].flatten(0, 1) for each in (height, *gazes))
        steps = iris_shift(across.flatten(0, 1), along.flatten(0, 1), *places).unflatten(0, (-1, len(pairs))).sum(dim=1)

        to_right = (source.scale * wide_there) * upright(source.rotation)[:, 0]
        patch = (steps.unsqueeze(-1) * to_right[:, None, None]).permute(0, 3, 1, 2)
        to_patch = (axes / (driven.scale * half).unsqueeze(-1)).transpose(1, 2)
        middle = -product(centre, to_patch).squeeze(1)
        return cls(patch, to_patch[:, 0], to_patch[:, 1], middle)

    def at(self, size: Sequence[int]) -> Tensor:
        """On a frame of a size (h, w): (B, h, w, 2), zeros beyond eyes."""
        x, y = (line.unsqueeze(1) for line in lines(size, self.patch))
        columns, rows = self.across.unsqueeze(1) * x + self.middle.unsqueeze(1), self.down.unsqueeze(1) * y
        grid = columns.unsqueeze(1) + rows.unsqueeze(2)
        return grid_sample_2d(self.patch, grid, align_corners=True).permute(0, 2, 3, 1)
