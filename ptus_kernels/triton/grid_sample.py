"""grid_sample_2d and grid_sample_3d in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.triton.warp import Warp, warp, warp_backward


def grid_sample(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """Sample an input (N, C, [D,] H, W) at points (N, [d,] h, w, rank)."""
    return warp(Warp(input, grid, None, None, False, mode, padding_mode, align_corners))


def grid_sample_backward(
    grad_output: Tensor,
    input: Tensor,
    grid: Tensor,
    mode: str,
    padding_mode: str,
    align_corners: bool,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of input and grid that the mask asks for."""
    of = Warp(input, grid, None, None, False, mode, padding_mode, align_corners)
    return warp_backward(of, grad_output, (*output_mask, False, False))
