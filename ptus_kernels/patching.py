"""Reroutes torch.nn.functional.grid_sample to the fused samplers, for code that nobody wants to touch."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch
import torch.nn.functional as F
from torch import Tensor

from ptus_kernels.backend import is_transformed
from ptus_kernels.checks import FLOATING_TYPES
from ptus_kernels.grid_sample import grid_sample_2d, grid_sample_3d
from ptus_kernels.sampling_arguments import MODES, PADDING_MODES

_PYTORCHS = F.grid_sample
_SAMPLERS = {4: grid_sample_2d, 5: grid_sample_3d}
_lock = Lock()
_open_blocks = 0


@contextmanager
def patched() -> Iterator[None]:
    """Reroute `torch.nn.functional.grid_sample` inside the block, in every thread, to `grid_sample_2d` and `_3d`.

    What these do not do goes to PyTorch's own: bicubic sampling, other types, sizes that do not fit (so that errors are
    PyTorch's), subclasses of tensors, calls under `torch.func` and in forward-mode differentiation. Types of results
    are PyTorch's, under autocast too. Two differences: a point with a NaN or infinite coordinate samples nothing, and
    `align_corners=None` means False without the warning.

    A name taken before, by `from torch.nn.functional import grid_sample`, is not reached. What `torch.compile` traces
    keeps the sampler that it met.
    """
    global _open_blocks
    with _lock:
        _open_blocks += 1
        F.grid_sample = _grid_sample
    try:
        yield
    finally:
        with _lock:
            _open_blocks -= 1
            if _open_blocks == 0:
                F.grid_sample = _PYTORCHS


def _grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """`torch.nn.functional.grid_sample`, on the fused samplers where they do the same."""
    if not _is_sampled_the_same(input, grid, mode, padding_mode):
        return _PYTORCHS(input, grid, mode, padding_mode, align_corners)
    if torch.is_autocast_enabled(input.device.type):
        input = input.to(_type_under_autocast(input, grid))
    return _SAMPLERS[input.dim()](input, grid, mode, padding_mode, bool(align_corners))


def _is_sampled_the_same(input: Tensor, grid: Tensor, mode: str, padding_mode: str) -> bool:
    return (
        type(input) in (Tensor, torch.nn.Parameter)
        and type(grid) in (Tensor, torch.nn.Parameter)
        and mode in MODES
        and padding_mode in PADDING_MODES
        and input.dim() in _SAMPLERS
        and grid.dim() == input.dim()
        and grid.shape[-1] == input.dim() - 2
        and grid.shape[0] == input.shape[0]
        and 0 not in input.shape[1:]
        and input.device == grid.device
        and input.device.type in ("cpu", "cuda", "meta")
        and _types_fit(input, grid)
        and not is_transformed()
    )


def _types_fit(input: Tensor, grid: Tensor) -> bool:
    if input.dtype not in FLOATING_TYPES or grid.dtype not in FLOATING_TYPES:
        return False
    if torch.is_autocast_enabled(input.device.type):
        return (input.dtype == torch.float64) == (grid.dtype == torch.float64)
    return input.dtype == grid.dtype


def _type_under_autocast(input: Tensor, grid: Tensor) -> torch.dtype:
    """The type that autocast samples in: float32 at least on the CPU, the wider of the two elsewhere."""
    widest = torch.promote_types(input.dtype, grid.dtype)
    return torch.promote_types(widest, torch.float32) if input.device.type == "cpu" else widest
