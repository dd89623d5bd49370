"""compose_splines in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.triton.composing import compose, compose_backward
from ptus_kernels.triton.keypoints import Motions


def compose_splines(
    mask_logits: Tensor, kp_driving: Tensor, spline: Tensor, background: Tensor | None, size: Sequence[int]
) -> Tensor:
    """Compose the motion field (B, H, W, 2) of this size from logits (B, K + 1, h, w)."""
    return compose(mask_logits, Motions(kp_driving, background=background, spline=spline), size)


def compose_splines_backward(
    grad_output: Tensor,
    mask_logits: Tensor,
    kp_driving: Tensor,
    spline: Tensor,
    background: Tensor | None,
    size: Sequence[int],
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of logits, control points, splines and the background that the mask asks for."""
    motions = Motions(kp_driving, background=background, spline=spline)
    learned = {"sum_driving": kp_driving, "sum_spline": spline, "sum_background": background}
    return compose_backward(grad_output, mask_logits, motions, size, learned, output_mask)
