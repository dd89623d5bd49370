"""What the dense-motion network of thin-plate splines reads: heatmaps, and the feature warped by each spline."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.motion_arguments import check_background
from ptus_kernels.reference import spline_features as reference
from ptus_kernels.registration import register
from ptus_kernels.spline_fitting import fitted


def spline_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    *,
    background: Tensor | None = None,
    kp_variance: float = 0.01,
    regularization: float = 0.01,
    align_corners: bool = True,
) -> Tensor:
    """Build the input of a dense-motion network of thin-plate splines, without the K + 1 motions ever being written.

    First 1 + K P heatmaps: 0 for the background, then the difference exp(-½‖g - kd‖²/v) - exp(-½‖g - ks‖²/v) of each
    control point; then the feature sampled (bilinear, zeros) at motion_0(g), …, motion_K(g), as in `compose_splines`.
    Thin-Plate Spline Motion Model (Zhao and Zhang 2022), section 3.2.

    Args:
        feature: feature map (B, C, H, W), for the published model the source image; float32, float64, float16 or
            bfloat16.
        kp_driving: driving control points (B, K, P, 2) as (x, y) in [-1, 1]; float32 or a half type, float64 with a
            float64 feature.
        kp_source: source control points, as `kp_driving`.
        background: the background's affine motion, rows [A | t], (B, 2, 3); None for the identity.
        kp_variance: variance v of the heatmaps, in squared normalised coordinates.
        regularization: as in `thin_plate_spline`.
        align_corners: how the sampler reads the motions. True is what the published model does, other than those of
            `motion_features`; no motion is then exactly the identity.

    Returns:
        (B, 1 + K P + (K + 1) C, H, W) in the feature's type and memory format.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, no control points, a variance that is not positive, or
            a regularization below 0.
    """
    checks = Checks("spline_features")
    checks.tensor("feature", feature, "B C H W")
    kp_driving, kp_source, spline = fitted(checks, feature, kp_driving, kp_source, regularization)
    background = check_background(checks, 2, feature, background)
    checks.positive_number("kp_variance", kp_variance)
    run = implementation("spline_features", reference.spline_features, feature)
    features: Tensor = run(feature, kp_driving, kp_source, spline, background, kp_variance, align_corners)
    return features


def _fake(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    spline: Tensor,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    batch, channels, height, width = feature.shape
    _, count, points, _ = kp_driving.shape
    return empty_in_format_of(feature, (batch, 1 + count * points + (count + 1) * channels, height, width))


register(
    "spline_features",
    fake=_fake,
    twice_differentiable=reference.spline_features_by_taps,
    tensors=5,
    features=(0,),
)
