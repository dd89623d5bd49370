"""Borders of cells: there the gradient of a sample's place jumps, and rounding decides which value is right.

A place that is an input is drawn off the borders. One that is computed from other inputs cannot be: there a case says
which results are sampled so near a border, and no gradient comes in at those, from nobody's outputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

MARGIN = 1e-3  # cells; float32 misses a place by up to 1e-5, one on a spline by up to 3e-4


def off_borders(grid: Tensor, size: Sequence[int], margin: float = MARGIN) -> Tensor:
    """Move points off the borders of cells.

    Args:
        grid: (..., 3), points (x, y, z) in [-1, 1], to be read with align_corners=False.
        size: (D, H, W) of the volume that is sampled.
        margin: in voxels.
    """
    position = _in_cells(grid, size, align_corners=False)
    border = position.round()
    position = torch.where((position - border).abs() < margin, border + 2 * margin, position)
    return ((2 * position + 1) / _cells(grid, size) - 1).to(grid.dtype)


def near_borders(places: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """Whether places lie so near a border of cells, on any axis, that the gradient there is undefined: (...).

    Args:
        places: (..., 3) or (..., 2), points (x, y, z) or (x, y) in [-1, 1]; float64, or rounding decides here too.
        size: (D, H, W) or (H, W) of what is sampled.
        align_corners: how it is sampled.
    """
    position = _in_cells(places, size, align_corners)
    return ((position - position.round()).abs() < MARGIN).any(dim=-1)


def deformed_at_borders(motions: Tensor, channels: int, align_corners: bool = False) -> Tensor:
    """Where a feature deformed by each of several motions is read near borders of its cells: (B, K + 1, C, *size).

    Args:
        motions: (B, K + 1, *size, 2 or 3), where the feature, of the same size, is sampled.
        channels: C, of the feature.
        align_corners: how it is sampled.
    """
    near = near_borders(motions, motions.shape[2:-1], align_corners)
    return near.unsqueeze(2).expand(-1, -1, channels, *near.shape[2:])


def _in_cells(places: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    cells = _cells(places, size)
    if align_corners:
        return (places.double() + 1) * (cells - 1) / 2
    return ((places.double() + 1) * cells - 1) / 2


def _cells(like: Tensor, size: Sequence[int]) -> Tensor:
    return torch.tensor(tuple(size)[::-1], dtype=torch.float64, device=like.device)
