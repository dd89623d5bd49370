"""Dense motion from thin-plate splines, mixed by a softmax over predicted masks."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.motion_arguments import check_background, check_field
from ptus_kernels.reference import compose_splines as reference
from ptus_kernels.registration import register
from ptus_kernels.spline_fitting import fitted


def compose_splines(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    *,
    background: Tensor | None = None,
    size: Sequence[int] | None = None,
    regularization: float = 0.01,
) -> Tensor:
    """Compose the dense motion field (deformation) of an image from thin-plate splines.

    As `compose_motion`, but motion_k is the spline that takes the control points kp_driving_k to kp_source_k, as
    `thin_plate_spline` fits it. Thin-Plate Spline Motion Model (Zhao and Zhang 2022), equations 2 and 6.

    Args:
        mask_logits: (B, K + 1, h, w), index 0 the background; float32, float64, float16 or bfloat16. A motion whose
            logits are -infinity takes no part: so splines are dropped in training (equation 8), at the field's size.
        kp_driving: driving control points (B, K, P, 2) as (x, y) in [-1, 1]; float32 or a half type, float64 with
            float64 logits.
        kp_source: source control points, as `kp_driving`.
        background: the background's affine motion, rows [A | t], (B, 2, 3); None for the identity.
        size: (H, W) of the motion field. Logits of another size are first resized bilinearly (align_corners=False).
            None for the logits' own size.
        regularization: as in `thin_plate_spline`.

    Returns:
        (B, H, W, 2), where to sample the source; float32, or float64 with float64 logits.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, no control points, or a regularization below 0.
    """
    checks = Checks("compose_splines")
    checks.tensor("mask_logits", mask_logits, "B K+1 h w")
    kp_driving, _, spline = fitted(checks, mask_logits, kp_driving, kp_source, regularization)
    background = check_background(checks, 2, mask_logits, background)
    field = check_field(checks, 2, mask_logits, kp_driving.shape[1], "splines", size)
    run = implementation("compose_splines", reference.compose_splines, mask_logits)
    deformation: Tensor = run(mask_logits, kp_driving, spline, background, field)
    return deformation


def _fake(
    mask_logits: Tensor, kp_driving: Tensor, spline: Tensor, background: Tensor | None, size: Sequence[int]
) -> Tensor:
    return kp_driving.new_empty((mask_logits.shape[0], *size, 2))


register("compose_splines", fake=_fake, twice_differentiable=reference.compose_splines, tensors=4, features=(0,))
