"""Parts of a face computed once, finely, and laid on frames of any size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._python_dispatch import _get_current_dispatch_mode

from ptus.model.layers import lines
from ptus.model.motion import Motion
from ptus.model.rotation import product, upright
from ptus_kernels import grid_sample_2d


@dataclass(frozen=True)
class Patch:
    """Maps over a part of a face, upright in the head.

    Args:
        maps: (B, C, h, w), outer points at the edges, where they are zeros or next to nothing.
        across: where a step to the right in the frame leads in the patch, in [-1, 1] of it: (B, 2).
        down: the same of a step down.
        middle: where the frame's middle is in the patch, (B, 2).
        reach: what of frames all of them lie in, x0, y0, x1, y1 in [-1, 1]; None where nobody looked.
    """

    maps: Tensor
    across: Tensor
    down: Tensor
    middle: Tensor
    reach: tuple[float, float, float, float] | None = None

    @classmethod
    def over(cls, maps: Tensor, head: Motion, centre: Tensor, half: Tensor) -> "Patch":
        """A patch of a head.

        Args:
            maps: (B, C, h, w).
            head: whose tilt and size it has.
            centre: its middle in the frame, (B, 2).
            half: half its width and height, in units of the head's half size, (B, 2).
        """
        axes, size = upright(head.rotation), (head.scale * half).unsqueeze(-1)
        to_patch = (axes / size).transpose(1, 2)
        across, down = to_patch.unbind(dim=1)
        reach = _reach(centre, (axes * size).abs().sum(dim=1)) if may_look(maps) else None
        return cls(maps, across, down, -product(centre.unsqueeze(1), to_patch).squeeze(1), reach)

    def on(self, size: Sequence[int], end: float = 1.0) -> "Laid":
        """On a frame.

        Args:
            size: of the frame, (H, W).
            end: coordinate of its last points, as that of its first ones is -end.
        """
        x, y = (end * line.unsqueeze(1) for line in lines(size, self.maps))
        rows, columns = slice(0, size[0]), slice(0, size[1])
        if self.reach is not None:
            rows, columns = _within(self.reach[1::2], size[0], end), _within(self.reach[::2], size[1], end)
        from_left = self.across.unsqueeze(1) * x[columns] + self.middle.unsqueeze(1)
        grid = from_left.unsqueeze(1) + (self.down.unsqueeze(1) * y[rows]).unsqueeze(2)
        return Laid(grid_sample_2d(self.maps, grid, align_corners=True), rows, columns, tuple(size))


@dataclass(frozen=True)
class Laid:
    """A patch laid on a frame.

    Args:
        maps: where it may be, (B, C, h, w), zeros beyond it.
        rows: of the frame.
        columns: of the frame.
        size: of the frame, (H, W).
    """

    maps: Tensor
    rows: slice
    columns: slice
    size: tuple[int, ...]

    def spread(self, maps: Tensor) -> Tensor:
        """Maps of its rows and columns (B, C, h, w), with zeros beyond them: (B, C, H, W)."""
        (height, width), rows, columns = self.size, self.rows, self.columns
        beyond = (columns.start, width - columns.stop, rows.start, height - rows.stop)
        return pad(maps, beyond) if any(beyond) else maps


def may_look(maps: Tensor) -> bool:
    """Whether what is computed may depend on numbers: not where it is recorded, and a GPU would wait."""
    if torch.compiler.is_compiling() or type(maps) is not Tensor or _get_current_dispatch_mode() is not None:
        return False
    return maps.device.type == "cpu" and len(maps) > 0


def _reach(centre: Tensor, half: Tensor) -> tuple[float, float, float, float] | None:
    """What rectangles all lie in, by their middles and half their sizes, (B, 2); None where one is nowhere."""
    x0, y0 = (centre - half).amin(dim=0).tolist()
    x1, y1 = (centre + half).amax(dim=0).tolist()
    return (x0, y0, x1, y1) if math.isfinite(x0 + y0 + x1 + y1) else None


def _within(ends: tuple[float, ...], count: int, end: float) -> slice:
    """Those of `count` points from -end to end that may be in a range: one at least."""
    first, last = ((place / end + 1) / 2 * (count - 1) for place in ends)
    start = min(max(math.floor(first), 0), count - 1)
    return slice(start, max(min(math.ceil(last) + 1, count), start + 1))


def points(half: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Where the points of patches are, from their middles: to the right, (B, 1, w), and down, (B, h, 1).

    Args:
        half: half the patches' width and height, (B, 2).
        size: (h, w).
    """
    x, y = lines(size, half)
    return half[:, :1, None] * x, half[:, 1:, None] * y.unsqueeze(1)


def pixel(size: Sequence[int], end: float) -> float:
    """How high a frame's pixel is, in halves of its picture.

    Args:
        size: of the frame, (H, W).
        end: coordinate of its last points, as that of its first ones is -end.
    """
    return 2 * end / (size[0] - 1)
