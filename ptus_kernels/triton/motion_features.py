"""motion_features in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.triton.featuring import Features, features, features_backward
from ptus_kernels.triton.keypoints import Motions


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    covariance_driving: Tensor | None,
    covariance_source: Tensor | None,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """Heatmap differences and warped features (B, (K + 1)(C + 1), [D,] H, W) of a feature (B, C, [D,] H, W)."""
    motions = Motions(kp_driving, kp_source, jacobian, background)
    return features(Features(feature, motions, kp_variance, align_corners, covariance_driving, covariance_source))


def motion_features_backward(
    grad_output: Tensor,
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    covariance_driving: Tensor | None,
    covariance_source: Tensor | None,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of the feature, and of all that the motions and heatmaps are made of, that the mask asks for."""
    motions = Motions(kp_driving, kp_source, jacobian, background)
    of = Features(feature, motions, kp_variance, align_corners, covariance_driving, covariance_source)
    learned = {
        "sum_driving": kp_driving,
        "sum_source": kp_source,
        "sum_jacobian": jacobian,
        "sum_covariance_driving": covariance_driving,
        "sum_covariance_source": covariance_source,
        "sum_background": background,
    }
    return features_backward(grad_output, of, learned, output_mask)
