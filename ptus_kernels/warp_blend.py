"""Warping by a deformation and blending by an occlusion map, in one pass."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.occlusion_arguments import check_occlusion
from ptus_kernels.reference import warp_blend as reference
from ptus_kernels.registration import register
from ptus_kernels.sampling_arguments import check_sampling


def warp_blend(
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None = None,
    background: Tensor | None = None,
    *,
    sigmoid: bool = False,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
) -> Tensor:
    """Sample a feature at the points of a deformation, then blend by an occlusion map.

    The same as `grid_sample_3d` (or `grid_sample_2d`), then `occlusion_blend`; the warped feature is never written.

    Args:
        input: feature volume (N, C, D, H, W) or feature map (N, C, H, W); float32, float64, float16 or bfloat16.
        deformation: where to sample, (N, d, h, w, 3) or (N, h, w, 2), the last dimension (x, y, z) in [-1, 1]; float32
            or a half type, float64 with a float64 input.
        occlusion: as in `occlusion_blend`, (N, 1, h_o, w_o); None for no blending.
        background: as the output, (N, C, d, h, w) or (N, C, h, w); None for 0.
        sigmoid: as in `occlusion_blend`.
        mode: as in `grid_sample_3d`.
        padding_mode: as in `grid_sample_3d`.
        align_corners: as in `grid_sample_3d`.

    Returns:
        (N, C, d, h, w) or (N, C, h, w), in the input's type and memory format.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size, device or word that does not fit, or a background without an occlusion map.
    """
    checks = Checks("warp_blend")
    rank = 3 if isinstance(input, Tensor) and input.dim() == 5 else 2
    points = check_sampling(checks, rank, input, ("deformation", deformation), mode, padding_mode)
    if occlusion is not None:
        is_read = input.numel() > 0 and points.numel() > 0
        occlusion = check_occlusion(checks, input, occlusion, is_read=is_read, batch="N")
    if background is not None:
        if occlusion is None:
            checks.fail("background", "an occlusion map to blend it by", "none")
        checks.tensor("background", background, "N C d h w" if rank == 3 else "N C h w")
        input, background = checks.of_one_type(input=input, background=background)
    run = implementation("warp_blend", reference.warp_blend, input)
    blended: Tensor = run(input, points, occlusion, background, sigmoid, mode, padding_mode, align_corners)
    return blended


def _fake(
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None,
    background: Tensor | None,
    sigmoid: bool,
    mode: str,
    padding_mode: str,
    align_corners: bool,
) -> Tensor:
    return empty_in_format_of(input, (*input.shape[:2], *deformation.shape[1:-1]))


register(
    "warp_blend",
    fake=_fake,
    twice_differentiable=reference.warp_blend_by_taps,
    tensors=4,
    features=(0, 3),
)
