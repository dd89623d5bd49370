"""What a dense-motion network reads: heatmaps of the keypoints' motion, and the feature warped by each of them."""

from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.motion_arguments import check_background, check_motion
from ptus_kernels.reference import motion_features as reference
from ptus_kernels.registration import register


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None = None,
    *,
    covariance_driving: Tensor | None = None,
    covariance_source: Tensor | None = None,
    background: Tensor | None = None,
    kp_variance: float = 0.01,
    align_corners: bool = False,
) -> Tensor:
    """Build the input of a dense-motion network, without the K + 1 sparse motions ever being written.

    For the background and each keypoint k, C + 1 channels: the heatmap difference
    exp(-½‖g - kd_k‖²/v) - exp(-½‖g - ks_k‖²/v), which is 0 for the background, then the feature sampled (bilinear,
    zeros) at motion_k(g), as in `compose_motion`. First-order motion model (Siarohin et al. 2019), section 3.1;
    face-vid2vid (Wang et al. 2021), section 3.2. With covariances Σ the heatmaps are exp(-½ dᵀ Σ⁻¹ d), d = g - kp:
    Motion Representations for Articulated Animation (Siarohin et al. 2021), section 3.2.

    Args:
        feature: feature volume (B, C, D, H, W) or feature map (B, C, H, W); float32, float64, float16 or bfloat16.
        kp_driving: driving keypoints as (x, y, z) in [-1, 1], (B, K, 3), or (x, y), (B, K, 2); float32 or a half type,
            float64 with a float64 feature.
        kp_source: source keypoints, as `kp_driving`.
        jacobian: J_source · J_driving⁻¹, (B, K, 3, 3) or (B, K, 2, 2); None for the identity.
        covariance_driving: covariances of the driving heatmaps, (B, K, 2, 2), invertible, in squared normalised
            coordinates; only with a feature map, and with `covariance_source`. None for kp_variance times the identity.
        covariance_source: covariances of the source heatmaps, as `covariance_driving`.
        background: the background's affine motion, rows [A | t], (B, 3, 4) or (B, 2, 3); None for the identity.
        kp_variance: variance v of the heatmaps, in squared normalised coordinates; not used with covariances.
        align_corners: how the sampler reads the motions. False is what the published models do, and samples the
            background half a voxel off; with True no motion is exactly the identity.

    Returns:
        (B, (K + 1)(C + 1), [D,] H, W) in the feature's type and memory format; channel k(C + 1) is heatmap k.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank, size or device that does not fit, no keypoints, a variance that is not positive, or one
            covariance without the other.
    """
    checks = Checks("motion_features")
    rank = check_feature(checks, feature)
    kp_driving, kp_source, jacobian = check_motion(checks, rank, feature, kp_driving, kp_source, jacobian)
    if (covariance_driving is None) != (covariance_source is None):
        missing = "covariance_driving" if covariance_driving is None else "covariance_source"
        checks.fail(missing, "a tensor where the other covariance is one", None)
    covariances = [
        None if value is None else _check_covariance(checks, rank, feature, name, value)
        for name, value in (("covariance_driving", covariance_driving), ("covariance_source", covariance_source))
    ]
    background = check_background(checks, rank, feature, background)
    checks.positive_number("kp_variance", kp_variance)
    run = implementation("motion_features", reference.motion_features, feature)
    features: Tensor = run(
        feature, kp_driving, kp_source, jacobian, *covariances, background, kp_variance, align_corners
    )
    return features


def check_feature(checks: Checks, feature: Tensor) -> int:
    """Check a feature, and return its rank: 2 for a map, 3 for a volume."""
    rank = 3 if isinstance(feature, Tensor) and feature.dim() == 5 else 2
    checks.tensor("feature", feature, "B C D H W" if rank == 3 else "B C H W")
    return rank


def _check_covariance(checks: Checks, rank: int, feature: Tensor, name: str, covariance: Tensor) -> Tensor:
    if rank == 3:
        checks.fail(name, "None beside a feature volume", "a tensor")
    checks.tensor(name, covariance, "B K 2 2")
    return checks.coordinates(name, covariance, feature)


def _fake(
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
    batch, channels, *size = feature.shape
    return empty_in_format_of(feature, (batch, (kp_driving.shape[1] + 1) * (channels + 1), *size))


register(
    "motion_features",
    fake=_fake,
    twice_differentiable=reference.motion_features_by_taps,
    tensors=7,
    features=(0,),
)
