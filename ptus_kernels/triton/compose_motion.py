"""compose_motion in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.triton.composing import compose, compose_backward
from ptus_kernels.triton.keypoints import Motions


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    background: Tensor | None,
    size: Sequence[int],
) -> Tensor:
    """Compose the motion field (B, [D,] H, W, rank) of this size from logits (B, K + 1, [d,] h, w)."""
    return compose(mask_logits, Motions(kp_driving, kp_source, jacobian, background), size)


def compose_motion_backward(
    grad_output: Tensor,
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    background: Tensor | None,
    size: Sequence[int],
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of logits, keypoints, jacobians and the background that the mask asks for."""
    motions = Motions(kp_driving, kp_source, jacobian, background)
    learned = {
        "sum_driving": kp_driving,
        "sum_source": kp_source,
        "sum_jacobian": jacobian,
        "sum_background": background,
    }
    return compose_backward(grad_output, mask_logits, motions, size, learned, output_mask)
