"""warp_blend in plain PyTorch."""

from collections.abc import Callable

from torch import Tensor

from ptus_kernels.reference.grid_sample import grid_sample, grid_sample_by_taps
from ptus_kernels.reference.occlusion_blend import occlusion_blend


def warp_blend(
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None,
    background: Tensor | None,
    sigmoid: bool,
    mode: str,
    padding_mode: str,
    align_corners: bool,
    *,
    sample: Callable[[Tensor, Tensor, str, str, bool], Tensor] = grid_sample,
) -> Tensor:
    """grid_sample, then occlusion_blend."""
    warped = sample(input, deformation, mode, padding_mode, align_corners)
    return warped if occlusion is None else occlusion_blend(warped, occlusion, background, sigmoid)


def warp_blend_by_taps(
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None,
    background: Tensor | None,
    sigmoid: bool,
    mode: str,
    padding_mode: str,
    align_corners: bool,
) -> Tensor:
    """The same, differentiable any number of times."""
    return warp_blend(
        input,
        deformation,
        occlusion,
        background,
        sigmoid,
        mode,
        padding_mode,
        align_corners,
        sample=grid_sample_by_taps,
    )
