"""Blending by an occlusion map: what the warp can show comes from the foreground, the rest from the background."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.occlusion_arguments import check_occlusion
from ptus_kernels.reference import occlusion_blend as reference
from ptus_kernels.registration import register


def occlusion_blend(
    foreground: Tensor, occlusion: Tensor, background: Tensor | None = None, *, sigmoid: bool = False
) -> Tensor:
    """Blend o · foreground + (1 - o) · background, with one occlusion map for all channels and depths.

    Args:
        foreground: (B, C, H, W) or (B, C, D, H, W); float32, float64, float16 or bfloat16.
        occlusion: occlusion map (B, 1, h, w), 1 where the foreground shows; another size than (H, W) is first resized
            bilinearly (align_corners=False). float32 or a half type, float64 with a float64 foreground.
        background: as `foreground`; None for 0.
        sigmoid: whether `occlusion` holds logits, to be passed through the sigmoid after resizing.

    Returns:
        As `foreground`, also in memory format.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit.
    """
    checks = Checks("occlusion_blend")
    axes = "B C D H W" if isinstance(foreground, Tensor) and foreground.dim() == 5 else "B C H W"
    checks.tensor("foreground", foreground, axes)
    occlusion = check_occlusion(checks, foreground, occlusion, is_read=foreground.numel() > 0)
    if background is not None:
        checks.tensor("background", background, axes)
        foreground, background = checks.of_one_type(foreground=foreground, background=background)
    run = implementation("occlusion_blend", reference.occlusion_blend, foreground)
    blended: Tensor = run(foreground, occlusion, background, sigmoid)
    return blended


def _fake(foreground: Tensor, occlusion: Tensor, background: Tensor | None, sigmoid: bool) -> Tensor:
    return empty_in_format_of(foreground, foreground.shape)


register(
    "occlusion_blend",
    fake=_fake,
    twice_differentiable=reference.occlusion_blend,
    tensors=3,
    features=(0, 2),
)
