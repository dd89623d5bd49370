"""Launches the kernels of motion_features and spline_features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import blocks_of, grid, is_wide, lies_by_channels, strides_of, sums_like, volume_of
from ptus_kernels.triton.keypoints import BlockSums, Motions, asked
from ptus_kernels.triton.motion_features_kernels import (
    features_backward_kernel,
    features_kernel,
    translated_features_backward_kernel,
)
from ptus_kernels.triton.tuning import Config, launch

CONFIGS = (Config(32, 32, 4), Config(64, 32, 4), Config(64, 32, 8), Config(16, 64, 4), Config(128, 16, 4))
# The backward kernels hold more at a time, and must not spill it.
BACKWARD_CONFIGS = (Config(16, 32, 4), Config(32, 32, 8), Config(32, 16, 4), Config(32, 32, 4), Config(64, 16, 4))

NO_SUMS = dict.fromkeys(
    (
        "sum_driving",
        "sum_source",
        "sum_jacobian",
        "sum_covariance_driving",
        "sum_covariance_source",
        "sum_background",
        "sum_spline",
    )
)


@dataclass(frozen=True)
class Features:
    """What a call is about: a feature (B, C, [D,] H, W), its motions and its heatmaps."""

    feature: Tensor
    motions: Motions
    kp_variance: float
    align_corners: bool
    covariance_driving: Tensor | None = None
    covariance_source: Tensor | None = None

    @property
    def maps(self) -> int:
        """How many heatmaps there are, the background's among them."""
        return 1 + self.motions.count * max(1, self.motions.points)

    @property
    def size_of_output(self) -> tuple[int, ...]:
        """The size of the output."""
        batch, channels, *size = self.feature.shape
        return (batch, self.maps + (self.motions.count + 1) * channels, *size)

    def tensors(self) -> dict[str, Any]:
        """The kernels' arguments that say what is read."""
        feature = volume_of(self.feature)
        return {
            "feature": feature,
            "feature_strides": feature.stride(),
            **self.motions.tensors(),
            "covariance_driving": self.covariance_driving,
            "covariance_driving_strides": strides_of(self.covariance_driving),
            "covariance_source": self.covariance_source,
            "covariance_source_strides": strides_of(self.covariance_source),
            "variance": self.kp_variance,
            "size": tuple(feature.shape[2:]),
            "channels": feature.shape[1],
            "ALIGN_CORNERS": self.align_corners,
        }

    def shape(self) -> tuple[int | bool, ...]:
        """What the kernels' block sizes depend on."""
        batch, channels, *size = self.feature.shape
        elliptic = self.covariance_driving is not None
        kind = (self.motions.only_translate, elliptic, self.motions.points)
        return (*kind, batch * blocks_of(size, 1), channels, self.motions.count)


def features(of: Features) -> Tensor:
    """Write heatmap differences and warped features."""
    batch, channels, *size = of.feature.shape
    output = empty_in_format_of(of.feature, of.size_of_output)
    if output.numel() == 0:
        return output
    by_channels, to = lies_by_channels(output), volume_of(output)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        of_channels = max(1, -(-channels // config.channels))
        features_kernel[grid(batch * blocks, of.motions.count + 1, of_channels)](
            output=to,
            output_strides=to.stride(),
            **of.tensors(),
            blocks=blocks,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(to, volume_of(of.feature)),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    launch(run, CONFIGS, "motion_features", of.feature, (by_channels, *of.shape()))
    return output


def features_backward(
    grad_output: Tensor, of: Features, learned: Mapping[str, Tensor | None], output_mask: Sequence[bool]
) -> list[Tensor]:
    """The gradients that the mask asks for: of the feature, then of what motions and heatmaps are made of.

    Args:
        grad_output: the gradient of the output.
        of: the call.
        learned: by the kernel's names for their sums, in the op's order.
        output_mask: which gradients are asked for.
    """
    grad_feature = empty_in_format_of(of.feature, of.feature.shape) if output_mask[0] else None
    mask = output_mask[1:]
    if grad_output.numel() == 0:
        zeros = [] if grad_feature is None else [grad_feature.zero_()]
        return zeros + [like.new_zeros(like.shape) for like in asked(list(learned.values()), mask)]
    if grad_feature is None:
        return _gradients(grad_output, of, None, learned, mask)
    if of.motions.only_translate:
        _gather(grad_output, grad_feature, of)
        return [grad_feature, *(_gradients(grad_output, of, None, learned, mask) if any(mask) else [])]
    sums = sums_like(grad_feature)
    others = _gradients(grad_output, of, sums, learned, mask)
    return [grad_feature if sums is grad_feature else grad_feature.copy_(sums), *others]


def _gather(grad_output: Tensor, grad_feature: Tensor, of: Features) -> None:
    """Write the gradient of the feature under translations."""
    batch, channels, *size = grad_feature.shape
    if grad_feature.numel() == 0:
        return
    by_channels = lies_by_channels(grad_output, grad_feature)
    given, to, motions = volume_of(grad_output), volume_of(grad_feature), of.motions.tensors()
    names = ("kp_driving", "driving_strides", "kp_source", "source_strides", "keypoints", "RANK")

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        translated_features_backward_kernel[grid(batch * blocks, -(-channels // config.channels))](
            grad_output=given,
            grad_output_strides=given.stride(),
            grad_feature=to,
            grad_feature_strides=to.stride(),
            **{name: motions[name] for name in names},
            size=tuple(to.shape[2:]),
            channels=channels,
            blocks=blocks,
            ALIGN_CORNERS=of.align_corners,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(given, to),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    launch(run, CONFIGS, "motion_features_gather", grad_output, (by_channels, *of.shape()))


def _gradients(
    grad_output: Tensor,
    of: Features,
    grad_feature: Tensor | None,
    learned: Mapping[str, Tensor | None],
    mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of what motions and heatmaps are made of; the feature's is summed in `grad_feature`."""
    batch, _, *size = of.feature.shape
    by_channels, given = lies_by_channels(grad_output, of.feature), volume_of(grad_output)
    to = None if grad_feature is None else volume_of(grad_feature)

    def run(config: Config) -> list[Tensor]:
        blocks = blocks_of(size, config.points)
        sums = BlockSums(dict(learned), mask, blocks)
        features_backward_kernel[grid(batch * blocks, of.motions.count + 1)](
            grad_output=given,
            grad_output_strides=given.stride(),
            grad_feature=to,
            grad_feature_strides=strides_of(to),
            **{**NO_SUMS, **sums.tensors()},
            **of.tensors(),
            batch=batch,
            blocks=blocks,
            WANTS_MOTIONS=any(mask),
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(given, volume_of(of.feature), to),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )
        return sums.total()

    shape = (by_channels, *of.shape(), grad_feature is not None, *mask)
    return launch(run, BACKWARD_CONFIGS, "motion_features_backward", grad_output, shape, sums=(grad_feature,))
