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
from ptus.model.motion import Motion, lids_and_lips
from ptus.model.rotation import product, upright, width
from ptus_kernels import grid_sample_2d

# Lengths are in units of the head's half size.
HALF_WIDTH = 0.14  # of an eye, from its middle to a corner
CORNERS = 0.2  # how far its corners are below the middle between its lids, of its height
RADIUS = 0.055  # of an iris
FARTHEST = 0.065  # of an iris from its eye's middle: some white is left at either corner
SHUT = 0.03  # how high an eye is at most whose iris nobody sees; in one twice as high it goes all the way
LEAST_ARCH = 1e-3  # beside the corners
RIM = 4.0  # how fast lids hold on to what is beside them: not at all from an eighth of the way inwards
PATCH = (97, 25)  # points across and down both eyes


def iris_shift(across: Tensor, along: Tensor, height: Tensor, now: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Where points of an eye were when it looked elsewhere, from themselves.

    Between a corner and the iris, whose middle is at a, the white moves by the share of the way from the corner, and
    the iris as a whole by b - a: points keep their order, as neither iris reaches a corner. Lids are arcs from corner
    to corner, and points stay as near to them as they were, of the way from corners' height.

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
    at, was = (place.clamp(min=-FARTHEST, max=FARTHEST) for place in (now, before))
    to_left, to_right = HALF_WIDTH - RADIUS + at, HALF_WIDTH - RADIUS - at
    share = torch.minimum((HALF_WIDTH + across) / to_left, (HALF_WIDTH - across) / to_right).clamp(min=0, max=1)
    high, bend = height.clamp(min=SHUT), lid_arch(across).clamp(min=LEAST_ARCH)
    below_corners = along - CORNERS * high
    lid = torch.where(below_corners < 0, 0.5 + CORNERS, 0.5 - CORNERS) * high * bend
    free = (RIM * (1 - (below_corners / lid).square())).clamp(min=0, max=1)
    right = free * seen(height) * share * (was - at)
    return right, below_corners * (lid_arch(across + right) / bend - 1) * (free > 0)


def seen(height: Tensor) -> Tensor:
    """How much is known of where an eye looks that is so high: 0 to 1."""
    return (height / SHUT - 1).clamp(min=0, max=1)


def lid_arch(across: Tensor) -> Tensor:
    """How far a lid is from the corners' height, of how far it is in the middle."""
    return 1 - (across / HALF_WIDTH).square()


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
    def between(cls, source: Motion, driven: Motion) -> "GazeFlow":
        """From the motion that is shown to that of the source, of faces that have lids."""
        axes, wide, wide_there = upright(driven.rotation), width(driven.rotation), width(source.rotation)
        lids, lids_there = _lids(driven), _lids(source)
        centre = lids.mean(dim=(1, 2), keepdim=True).squeeze(1)
        upper, lower = _along_head(lids - centre.unsqueeze(1), driven).unbind(dim=2)
        eyes, opening = (upper + lower) / 2, lower - upper
        upper_there, lower_there = _along_head(lids_there, source).unbind(dim=2)
        to_lower_lid, height = opening[..., 0] / (2 * wide), opening[..., 1]
        corners = torch.stack(((HALF_WIDTH * wide).expand_as(height), height.clamp(min=SHUT) / 2), dim=-1)
        half = (eyes.abs() + corners).amax(dim=1)

        columns, rows = (torch.linspace(-1, 1, steps, device=half.device, dtype=half.dtype) for steps in PATCH)
        across = (half[:, :1, None, None] * columns - eyes[..., :1, None]) / wide[..., None, None]
        along = half[:, 1:, None, None] * rows.unsqueeze(1) - eyes[..., 1:, None]
        places = (height, *(to_lower_lid + motion.gaze for motion in (driven, source)))
        steps = torch.stack(iris_shift(across, along, *(place[..., None, None] for place in places)), dim=-1)
        known_there = seen((lower_there - upper_there)[..., 1])
        moved = (known_there[..., None, None, None] * steps).sum(dim=1)

        to_source = source.scale.unsqueeze(-1) * _widened(upright(source.rotation), wide_there)
        patch = product(moved.flatten(1, 2), to_source).view_as(moved).permute(0, 3, 1, 2)
        to_patch = (axes / (driven.scale * half).unsqueeze(-1)).transpose(1, 2)
        middle = -product(centre, to_patch).squeeze(1)
        return cls(patch, to_patch[:, 0], to_patch[:, 1], middle)

    def at(self, size: Sequence[int]) -> Tensor:
        """On a frame of a size (h, w): (B, h, w, 2), zeros beyond eyes."""
        x, y = (line.unsqueeze(1) for line in lines(size, self.patch))
        columns, rows = self.across.unsqueeze(1) * x + self.middle.unsqueeze(1), self.down.unsqueeze(1) * y
        grid = columns.unsqueeze(1) + rows.unsqueeze(2)
        return grid_sample_2d(self.patch, grid, align_corners=True).permute(0, 2, 3, 1)


def _lids(motion: Motion) -> Tensor:
    """x and y of each eye's upper and lower lid, (B, 2, 2, 2)."""
    return lids_and_lips(motion.face)[:, : len(standing.EYES), :, :2]


def _along_head(apart: Tensor, motion: Motion) -> Tensor:
    """Steps (B, 2, 2, 2) of the picture as ones to the right and down the head, in units of its half size."""
    along = product(apart.flatten(1, 2) / motion.scale.unsqueeze(1), upright(motion.rotation).transpose(1, 2))
    return along.view_as(apart)


def _widened(axes: Tensor, wide: Tensor) -> Tensor:
    """Axes (B, 2, 2), that to the right as long as the head is wide, (B, 1)."""
    right, down = axes.unbind(dim=1)
    return torch.stack((wide * right, down), dim=1)
