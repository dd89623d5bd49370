"""Tensors to try the ops on."""

from collections.abc import Sequence

import torch
from torch import Tensor


def normal(seed: int, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Normally distributed numbers, the same for the same seed, whatever the type."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def uniform(seed: int, shape: Sequence[int], low: float, high: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """Uniformly distributed numbers, the same for the same seed, whatever the type."""
    numbers = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (low + (high - low) * numbers).to(dtype)


def points_inside_cells(
    seed: int, shape: Sequence[int], sizes: Sequence[int], align_corners: bool, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Grid points (*shape, rank) for a volume of these sizes, z first: off voxels' centres and off their borders.

    Sampling is smooth there in every mode, and so is its gradient. The points reach over each side by two voxels.
    """
    columns = []
    for axis, size in enumerate(reversed(sizes)):
        cell = uniform(seed + 2 * axis, shape, -2, size + 1, torch.float64).floor()
        fraction = uniform(seed + 2 * axis + 1, shape, 0.05, 0.9, torch.float64)
        position = cell + torch.where(fraction > 0.45, fraction + 0.05, fraction)
        columns.append(normalised(position, size, align_corners))
    return torch.stack(columns, -1).to(dtype)


def normalised(position: Tensor, size: int, align_corners: bool) -> Tensor:
    """Voxel coordinates along an axis of this size as grid coordinates; with align_corners it needs two voxels."""
    return 2 * position / (size - 1) - 1 if align_corners else (2 * position + 1) / size - 1
