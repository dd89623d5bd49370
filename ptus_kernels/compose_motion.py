"""Dense motion from keypoints: the motions of all keypoints, mixed by a softmax over predicted masks."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.reference import compose_motion as reference
from ptus_kernels.registration import register


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None = None,
    *,
    size: Sequence[int] | None = None,
) -> Tensor:
    """Compose the dense motion field (deformation) of a volume from the motions of its keypoints.

    Σ_k m_k · motion_k(g) with m the softmax of the logits over k, motion_0(g) = g (the background stays) and
    motion_k(g) = J_k (g - kd_k) + ks_k; g is the identity grid with end points -1 and 1 included. First-order motion
    model (Siarohin et al. 2019), equations 4 and 6; face-vid2vid (Wang et al. 2021), section 3.2.

    Args:
        mask_logits: (B, K + 1, d, h, w), index 0 the background; float32, float64, float16 or bfloat16.
        kp_driving: driving keypoints (B, K, 3) as (x, y, z) in [-1, 1]; float32 or a half type, float64 with float64
            logits.
        kp_source: source keypoints (B, K, 3), as `kp_driving`.
        jacobian: J_source · J_driving⁻¹ (B, K, 3, 3), takes driving offsets to source offsets; None for the identity.
        size: (D, H, W) of the motion field. Logits of another size are first resized trilinearly
            (align_corners=False). None for the logits' own size.

    Returns:
        (B, D, H, W, 3), where to sample the source; float32, or float64 with float64 logits.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, or no keypoints.
    """
    checks = Checks("compose_motion")
    checks.tensor("mask_logits", mask_logits, "B K+1 d h w")
    kp_driving, kp_source, jacobian = check_motion(checks, mask_logits, kp_driving, kp_source, jacobian)
    if mask_logits.shape[1] != kp_driving.shape[1] + 1:
        expected = f"{kp_driving.shape[1] + 1} channels (the background and {kp_driving.shape[1]} keypoints)"
        checks.fail("mask_logits", expected, tuple(mask_logits.shape))
    field = tuple(mask_logits.shape[2:]) if size is None else tuple(size)
    if len(field) != 3 or any(n < 0 for n in field):
        checks.fail("size", "three sizes (D, H, W)", size)
    if mask_logits.shape[2:].numel() == 0 and 0 not in field:
        checks.fail("mask_logits", "at least one voxel to resize", tuple(mask_logits.shape))
    run = implementation("compose_motion", reference.compose_motion, mask_logits)
    deformation: Tensor = run(mask_logits, kp_driving, kp_source, jacobian, field)
    return deformation


def check_motion(
    checks: Checks, feature: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check keypoints and jacobians against a feature of B samples, and return them in the type of coordinates."""
    checks.tensor("kp_driving", kp_driving, "B K 3")
    checks.tensor("kp_source", kp_source, "B K 3")
    checks.positive_size("kp_driving", "K")
    if jacobian is not None:
        checks.tensor("jacobian", jacobian, "B K 3 3")
        jacobian = checks.coordinates("jacobian", jacobian, feature)
    return (
        checks.coordinates("kp_driving", kp_driving, feature),
        checks.coordinates("kp_source", kp_source, feature),
        jacobian,
    )


def _fake(
    mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, size: Sequence[int]
) -> Tensor:
    return kp_driving.new_empty((mask_logits.shape[0], *size, 3))


register("compose_motion", fake=_fake, twice_differentiable=reference.compose_motion, tensors=4, features=(0,))
