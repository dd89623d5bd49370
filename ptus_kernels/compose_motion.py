"""Dense motion from keypoints: the motions of all keypoints, mixed by a softmax over predicted masks."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.motion_arguments import check_background, check_field, check_motion
from ptus_kernels.reference import compose_motion as reference
from ptus_kernels.registration import register


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None = None,
    *,
    background: Tensor | None = None,
    size: Sequence[int] | None = None,
) -> Tensor:
    """Compose the dense motion field (deformation) of a volume or an image from the motions of its keypoints.

    Σ_k m_k · motion_k(g) with m the softmax of the logits over k, motion_0(g) = g (the background stays) or A g + t,
    and motion_k(g) = J_k (g - kd_k) + ks_k; g is the identity grid with end points -1 and 1 included. First-order
    motion model (Siarohin et al. 2019), equations 4 and 6; face-vid2vid (Wang et al. 2021), section 3.2; the
    background: Motion Representations for Articulated Animation (Siarohin et al. 2021), section 3.3.

    Args:
        mask_logits: (B, K + 1, [d,] h, w), index 0 the background; float32, float64, float16 or bfloat16.
        kp_driving: driving keypoints as (x, y, z) in [-1, 1], (B, K, 3), or (x, y), (B, K, 2); float32 or a half type,
            float64 with float64 logits.
        kp_source: source keypoints, as `kp_driving`.
        jacobian: J_source · J_driving⁻¹, (B, K, 3, 3) or (B, K, 2, 2), takes driving offsets to source offsets; None
            for the identity.
        background: the background's affine motion, rows [A | t], (B, 3, 4) or (B, 2, 3); None for the identity.
        size: ([D,] H, W) of the motion field. Logits of another size are first resized (bi- or trilinearly,
            align_corners=False). None for the logits' own size.

    Returns:
        (B, D, H, W, 3) or (B, H, W, 2), where to sample the source; float32, or float64 with float64 logits.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, or no keypoints.
    """
    checks = Checks("compose_motion")
    rank = check_masks(checks, mask_logits)
    kp_driving, kp_source, jacobian = check_motion(checks, rank, mask_logits, kp_driving, kp_source, jacobian)
    background = check_background(checks, rank, mask_logits, background)
    field = check_field(checks, rank, mask_logits, kp_driving.shape[1], "keypoints", size)
    run = implementation("compose_motion", reference.compose_motion, mask_logits)
    deformation: Tensor = run(mask_logits, kp_driving, kp_source, jacobian, background, field)
    return deformation


def check_masks(checks: Checks, mask_logits: Tensor) -> int:
    """Check mask logits, and return the rank of their volume: 2 or 3."""
    rank = 3 if isinstance(mask_logits, Tensor) and mask_logits.dim() == 5 else 2
    checks.tensor("mask_logits", mask_logits, "B K+1 d h w" if rank == 3 else "B K+1 h w")
    return rank


def _fake(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    background: Tensor | None,
    size: Sequence[int],
) -> Tensor:
    return kp_driving.new_empty((mask_logits.shape[0], *size, len(size)))


register("compose_motion", fake=_fake, twice_differentiable=reference.compose_motion, tensors=5, features=(0,))
