"""What a dense-motion network reads: heatmaps of the keypoints' motion, and the feature warped by each of them."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.compose_motion import check_motion
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.reference import motion_features as reference
from ptus_kernels.registration import register


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None = None,
    *,
    kp_variance: float = 0.01,
    align_corners: bool = False,
) -> Tensor:
    """Build the input of a dense-motion network, without the K + 1 sparse motions ever being written.

    For the background and each keypoint k, C + 1 channels: the heatmap difference
    exp(-½‖g - kd_k‖²/v) - exp(-½‖g - ks_k‖²/v), which is 0 for the background, then the feature sampled (bilinear,
    zeros) at motion_k(g), as in `compose_motion`. First-order motion model (Siarohin et al. 2019), section 3.1;
    face-vid2vid (Wang et al. 2021), section 3.2.

    Args:
        feature: feature volume (B, C, D, H, W); float32, float64, float16 or bfloat16.
        kp_driving: driving keypoints (B, K, 3) as (x, y, z) in [-1, 1]; float32 or a half type, float64 with a float64
            feature.
        kp_source: source keypoints (B, K, 3), as `kp_driving`.
        jacobian: J_source · J_driving⁻¹ (B, K, 3, 3); None for the identity.
        kp_variance: variance v of the heatmaps, in squared normalised coordinates.
        align_corners: how the sampler reads the motions. False is what the published models do, and samples the
            background half a voxel off; with True no motion is exactly the identity.

    Returns:
        (B, (K + 1)(C + 1), D, H, W) in the feature's type and memory format; channel k(C + 1) is heatmap k.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, no keypoints, or a variance that is not positive.
    """
    checks = Checks("motion_features")
    checks.tensor("feature", feature, "B C D H W")
    kp_driving, kp_source, jacobian = check_motion(checks, feature, kp_driving, kp_source, jacobian)
    if not kp_variance > 0:
        checks.fail("kp_variance", "a positive number", kp_variance)
    run = implementation("motion_features", reference.motion_features, feature)
    features: Tensor = run(feature, kp_driving, kp_source, jacobian, kp_variance, align_corners)
    return features


def _fake(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    batch, channels, *size = feature.shape
    return empty_in_format_of(feature, (batch, (kp_driving.shape[1] + 1) * (channels + 1), *size))


register(
    "motion_features",
    fake=_fake,
    twice_differentiable=reference.motion_features_by_taps,
    tensors=4,
    features=(0,),
)
