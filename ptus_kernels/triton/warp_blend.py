"""warp_blend in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.triton.warp import Warp, warp, warp_backward


def warp_blend(
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None,
    background: Tensor | None,
    sigmoid: bool,
    mode: str,
    padding_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample an input (N, C, [D,] H, W) at the points of a deformation (N, [d,] h, w, rank), and blend."""
    return warp(Warp(input, deformation, occlusion, background, sigmoid, mode, padding_mode, align_corners))


def warp_blend_backward(
    grad_output: Tensor,
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None,
    background: Tensor | None,
    sigmoid: bool,
    mode: str,
    padding_mode: str,
    align_corners: bool,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of input, deformation, map and background that the mask asks for."""
    of = Warp(input, deformation, occlusion, background, sigmoid, mode, padding_mode, align_corners)
    return warp_backward(of, grad_output, output_mask)
