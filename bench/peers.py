"""Other public samplers that do the same work, measured wherever they are installed."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Sampler = Callable[..., Tensor]


@dataclass(frozen=True)
class Peer:
    """A sampler of another package.

    Args:
        name: of the package.
        load: gives the function that is timed; raises where the package is not there or does not work here.
        convert: from our arguments to that function's, differentiable and outside the time.
    """

    name: str
    load: Callable[[], Sampler]
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]]


def in_voxels(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our `input` and `grid` with the grid in voxels, and its last dimension (z, y, x)."""
    size = torch.tensor(inputs["input"].shape[2:], dtype=inputs["grid"].dtype, device=inputs["grid"].device)
    return {"input": inputs["input"], "grid": ((inputs["grid"].flip(-1) + 1) * size - 1) / 2}


def _monai() -> Sampler:
    from monai.networks.layers.spatial_transforms import grid_pull

    def sample(input: Tensor, grid: Tensor) -> Tensor:
        sampled: Tensor = grid_pull(input, grid, interpolation="linear", bound="zero", extrapolate=True)
        return sampled

    return sample


def _interpol() -> Sampler:
    from interpol import grid_pull

    def sample(input: Tensor, grid: Tensor) -> Tensor:
        sampled: Tensor = grid_pull(input, grid, interpolation=1, bound="zero", extrapolate=True)
        return sampled

    return sample


def _flag_gems() -> Sampler:
    from flag_gems.ops import grid_sampler_3d

    def sample(input: Tensor, grid: Tensor) -> Tensor:
        sampled: Tensor = grid_sampler_3d(input, grid, 0, 0, False)  # bilinear, zeros, align_corners=False
        return sampled

    return sample


SAMPLERS_3D = (
    Peer("monai", _monai, in_voxels),
    Peer("flag_gems", _flag_gems, dict),
    Peer("interpol", _interpol, in_voxels),
)
