"""grid_sample in plain PyTorch."""

from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import grid_sample as pytorchs_grid_sample  # taken now, so that no patch reaches it


def grid_sample(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """torch.nn.functional.grid_sample, computed in the grid's type, where points that are not finite sample nothing."""
    with torch.autocast(input.device.type, enabled=False):
        finite = grid.isfinite().all(-1)
        safe = torch.where(finite.unsqueeze(-1), grid, 0)
        sampled = pytorchs_grid_sample(input.to(grid.dtype), safe, mode, padding_mode, align_corners)
        return torch.where(finite.unsqueeze(1), sampled, 0).to(input.dtype)


def grid_sample_by_taps(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """The same from plain indexing, which can be differentiated any number of times; slower, and takes more memory."""
    with torch.autocast(input.device.type, enabled=False):
        batch, channels, *sizes = input.shape
        finite = grid.isfinite().all(-1)
        axes = []
        for axis, size in enumerate(reversed(sizes)):
            coordinate = torch.where(finite, grid[..., axis], 0)
            position = _position(coordinate, size, padding_mode, align_corners)
            if mode == "nearest":
                low = position.detach().round()
                axes.append([(low, torch.ones_like(low))])
            else:
                low = position.detach().floor()
                axes.append([(low, 1 - (position - low)), (low + 1, position - low)])

        volume = input.to(grid.dtype).flatten(2)
        result = grid.new_zeros(batch, channels, *grid.shape[1:-1])
        for corner in product(*axes):
            index = torch.zeros_like(corner[0][0], dtype=torch.int64)
            weight = finite.to(grid.dtype)
            for size, (voxel, tap_weight) in zip(sizes, reversed(corner), strict=True):
                inside = (voxel >= 0) & (voxel < size)
                index = index * size + voxel.clamp(0, size - 1).long()
                weight = torch.where(inside, weight * tap_weight, 0)
            values = volume.gather(2, index.flatten(1).unsqueeze(1).expand(-1, channels, -1))
            result = result + values.view_as(result) * weight.unsqueeze(1)
        return result.to(input.dtype)


def _position(coordinate: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    """A normalised coordinate as a voxel coordinate, after padding."""
    scale, shift = ((size - 1) / 2, 0.0) if align_corners else (size / 2, -0.5)
    position = (coordinate + 1) * scale + shift
    if padding_mode == "reflection":
        span = 2 * scale
        if span == 0:
            position = position * 0
        else:
            distance = (position - shift).abs()
            flips = (distance.detach() / span).floor()
            rest = distance - flips * span
            position = torch.where(flips % 2 == 0, rest, span - rest) + shift
    return position if padding_mode == "zeros" else position.clamp(0, size - 1)
