"""spline_features in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.triton.featuring import Features, features, features_backward
from ptus_kernels.triton.keypoints import Motions


def spline_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    spline: Tensor,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """Heatmap differences, then warped features, (B, 1 + K P + (K + 1) C, H, W) of a feature (B, C, H, W)."""
    motions = Motions(kp_driving, kp_source, background=background, spline=spline)
    return features(Features(feature, motions, kp_variance, align_corners))


def spline_features_backward(
    grad_output: Tensor,
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    spline: Tensor,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of the feature, control points, splines and the background that the mask asks for."""
    motions = Motions(kp_driving, kp_source, background=background, spline=spline)
    learned = {
        "sum_driving": kp_driving,
        "sum_source": kp_source,
        "sum_spline": spline,
        "sum_background": background,
    }
    return features_backward(grad_output, Features(feature, motions, kp_variance, align_corners), learned, output_mask)
