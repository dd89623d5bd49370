"""How tensors are handed to kernels: as volumes whatever their rank, with their strides, so that any layout will do."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from ptus_kernels.memory_format import is_channels_last

Strides: TypeAlias = tuple[int, ...]

FARTHEST_OFFSET = 2**31 - 2**16
"""What 32 bits hold, less what a block of points may overhang its sample."""


MOST_PROGRAMS, MOST_PROGRAMS_BESIDE = 2**31 - 1, 2**16 - 1
"""Of a launch on a GPU: along the first axis of its grid, and along each other."""


def volume_of(feature: Tensor) -> Tensor:
    """A feature (N, C, [D,] H, W) as (N, C, D, H, W)."""
    return feature if feature.dim() == 5 else feature.unsqueeze(2)


def volume_of_points(points: Tensor) -> Tensor:
    """Points (N, [d,] h, w, rank) as (N, rank, d, h, w)."""
    return volume_of(points.movedim(-1, 1))


def strides_of(tensor: Tensor | None) -> Strides | None:
    """The strides of a tensor, where there is one."""
    return None if tensor is None else tensor.stride()


def lies_by_channels(*features: Tensor | None) -> bool:
    """Whether most of these volumes have their channels side by side."""
    votes = [is_channels_last(feature) for feature in features if feature is not None]
    return 2 * sum(votes) > len(votes)


def is_wide(*tensors: Tensor | None) -> bool:
    """Whether an offset in a sample of one of these tensors needs more than 32 bits."""

    def reach(tensor: Tensor) -> int:
        spans = [(size - 1) * stride for size, stride in zip(tensor.shape[1:], tensor.stride()[1:], strict=True)]
        return max(sum(spans), tensor.shape[2:].numel())

    return any(reach(tensor) > FARTHEST_OFFSET for tensor in tensors if tensor is not None)


def type_of_sums(feature: Tensor) -> torch.dtype:
    """The type that the gradient of a feature is summed in."""
    return torch.float64 if feature.dtype == torch.float64 else torch.float32


def sums_like(gradient: Tensor) -> Tensor:
    """What to sum a gradient in: itself, or where it is of a half type, a tensor of the same layout in float32."""
    if gradient.dtype == type_of_sums(gradient):
        return gradient
    return torch.empty_like(gradient, dtype=type_of_sums(gradient))


def grid(programs: int, *others: int) -> tuple[int, ...]:
    """The grid of a launch: programs along its first axis, which may be many, and along one or two more.

    Raises:
        ValueError: where a GPU has no such grid.
    """
    if programs > MOST_PROGRAMS or any(count > MOST_PROGRAMS_BESIDE for count in others):
        most = f"{MOST_PROGRAMS} blocks of points, and {MOST_PROGRAMS_BESIDE} of channels or keypoints"
        raise ValueError(f"expected a tensor of at most {most}, got {(programs, *others)}: backend 'cuda' takes more")
    return (programs, *others)


def blocks_of(size: Sequence[int], points: int) -> int:
    """How many blocks of so many points a sample of this size takes."""
    count = 1
    for n in size:
        count *= n
    return -(-count // points)
