"""motion_features in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import blocks_of, grid, is_wide, lies_by_channels, strides_of, sums_like
from ptus_kernels.triton.keypoints import Keypoints, KeypointSums
from ptus_kernels.triton.motion_features_kernels import (
    features_backward_kernel,
    features_kernel,
    translated_features_backward_kernel,
)
from ptus_kernels.triton.tuning import Config, launch

CONFIGS = (Config(32, 32, 4), Config(64, 32, 4), Config(64, 32, 8), Config(16, 64, 4), Config(128, 16, 4))
# The backward kernels hold more at a time, and must not spill it.
BACKWARD_CONFIGS = (Config(16, 32, 4), Config(32, 32, 8), Config(32, 16, 4), Config(32, 32, 4), Config(64, 16, 4))


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """Heatmap differences and warped features (B, (K + 1)(C + 1), D, H, W) of a feature (B, C, D, H, W)."""
    keypoints = Keypoints(kp_driving, kp_source, jacobian)
    batch, channels, *size = feature.shape
    output = empty_in_format_of(feature, (batch, (keypoints.count + 1) * (channels + 1), *size))
    if output.numel() == 0:
        return output
    by_channels = lies_by_channels(output)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        of_channels = max(1, -(-channels // config.channels))
        features_kernel[grid(batch * blocks, keypoints.count + 1, of_channels)](
            output=output,
            output_strides=output.stride(),
            feature=feature,
            feature_strides=feature.stride(),
            **keypoints.tensors(),
            variance=kp_variance,
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            ALIGN_CORNERS=align_corners,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(output, feature),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (jacobian is not None, by_channels, batch * blocks_of(size, 1), channels, keypoints.count)
    launch(run, CONFIGS, "motion_features", feature, shape)
    return output


def motion_features_backward(
    grad_output: Tensor,
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    kp_variance: float,
    align_corners: bool,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of feature, keypoints and jacobians that the mask asks for."""
    keypoints = Keypoints(kp_driving, kp_source, jacobian)
    grad_feature = empty_in_format_of(feature, feature.shape) if output_mask[0] else None
    if grad_output.numel() == 0:
        zeros = [] if grad_feature is None else [grad_feature.zero_()]
        return zeros + [like.new_zeros(like.shape) for like in keypoints.asked(output_mask[1:])]
    if grad_feature is None:
        return _gradients(grad_output, feature, keypoints, kp_variance, align_corners, None, output_mask[1:])
    if jacobian is None:
        _gather(grad_output, grad_feature, keypoints, align_corners)
        if not any(output_mask[1:]):
            return [grad_feature]
        others = _gradients(grad_output, feature, keypoints, kp_variance, align_corners, None, output_mask[1:])
        return [grad_feature, *others]
    sums = sums_like(grad_feature)
    others = _gradients(grad_output, feature, keypoints, kp_variance, align_corners, sums, output_mask[1:])
    return [grad_feature if sums is grad_feature else grad_feature.copy_(sums), *others]


def _gather(grad_output: Tensor, grad_feature: Tensor, keypoints: Keypoints, align_corners: bool) -> None:
    """Write the gradient of the feature, without jacobians."""
    batch, channels, *size = grad_feature.shape
    if grad_feature.numel() == 0:
        return
    by_channels = lies_by_channels(grad_output, grad_feature)
    tensors = keypoints.tensors()
    del tensors["jacobian"], tensors["jacobian_strides"]

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        translated_features_backward_kernel[grid(batch * blocks, -(-channels // config.channels))](
            grad_output=grad_output,
            grad_output_strides=grad_output.stride(),
            grad_feature=grad_feature,
            grad_feature_strides=grad_feature.stride(),
            **tensors,
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            ALIGN_CORNERS=align_corners,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(grad_output, grad_feature),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (by_channels, batch * blocks_of(size, 1), channels, keypoints.count)
    launch(run, CONFIGS, "motion_features_gather", grad_output, shape)


def _gradients(
    grad_output: Tensor,
    feature: Tensor,
    keypoints: Keypoints,
    kp_variance: float,
    align_corners: bool,
    grad_feature: Tensor | None,
    mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of keypoints and jacobians that the mask asks for; the feature's is summed in `grad_feature`."""
    batch, channels, *size = feature.shape
    by_channels = lies_by_channels(grad_output, feature)

    def run(config: Config) -> list[Tensor]:
        blocks = blocks_of(size, config.points)
        sums = KeypointSums(keypoints, mask, blocks)
        features_backward_kernel[grid(batch * blocks, keypoints.count + 1)](
            grad_output=grad_output,
            grad_output_strides=grad_output.stride(),
            grad_feature=grad_feature,
            grad_feature_strides=strides_of(grad_feature),
            **sums.tensors(),
            feature=feature,
            feature_strides=feature.stride(),
            **keypoints.tensors(),
            variance=kp_variance,
            size=tuple(size),
            batch=batch,
            channels=channels,
            blocks=blocks,
            ALIGN_CORNERS=align_corners,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(grad_output, feature, grad_feature),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )
        return sums.total()

    shape = (
        keypoints.jacobian is not None,
        by_channels,
        batch * blocks_of(size, 1),
        channels,
        keypoints.count,
        grad_feature is not None,
        *mask,
    )
    return launch(run, BACKWARD_CONFIGS, "motion_features_backward", grad_output, shape, sums=(grad_feature,))
