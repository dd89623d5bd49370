"""compose_motion in Triton."""

from collections.abc import Sequence

from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import blocks_of, grid, is_wide, strides_of, sums_like, volume_of_points
from ptus_kernels.triton.compose_kernels import compose_backward_kernel, compose_kernel
from ptus_kernels.triton.keypoints import Keypoints, KeypointSums
from ptus_kernels.triton.tuning import Config, launch

CONFIGS = (Config(128, 1, 4), Config(64, 1, 2), Config(32, 1, 1), Config(256, 1, 4), Config(256, 1, 8))


def compose_motion(
    mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, size: Sequence[int]
) -> Tensor:
    """Compose the motion field (B, D, H, W, 3) of this size from logits (B, K + 1, d, h, w)."""
    output = kp_driving.new_empty((mask_logits.shape[0], *size, 3))
    if output.numel() == 0:
        return output
    to, keypoints = volume_of_points(output), Keypoints(kp_driving, kp_source, jacobian)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        compose_kernel[grid(to.shape[0] * blocks)](
            output=to,
            output_strides=to.stride(),
            logits=mask_logits,
            logits_strides=mask_logits.stride(),
            logits_size=tuple(mask_logits.shape[2:]),
            **keypoints.tensors(),
            size=tuple(size),
            blocks=blocks,
            RESIZED=tuple(mask_logits.shape[2:]) != tuple(size),
            WIDE=is_wide(to, mask_logits[:, :1]),
            POINTS=config.points,
            num_warps=config.num_warps,
        )

    shape = (jacobian is not None, keypoints.count, output.numel())
    launch(run, CONFIGS, "compose_motion", mask_logits, shape)
    return output


def compose_motion_backward(
    grad_output: Tensor,
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    size: Sequence[int],
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of logits, keypoints and jacobians that the mask asks for."""
    keypoints, given = Keypoints(kp_driving, kp_source, jacobian), volume_of_points(grad_output)
    is_resized = tuple(mask_logits.shape[2:]) != tuple(size)
    grad_logits = empty_in_format_of(mask_logits, mask_logits.shape) if output_mask[0] else None
    if grad_output.numel() == 0:
        zeros = [] if grad_logits is None else [grad_logits.zero_()]
        return zeros + [like.new_zeros(like.shape) for like in keypoints.asked(output_mask[1:])]
    to = sums_like(grad_logits) if grad_logits is not None and is_resized else grad_logits

    def run(config: Config) -> list[Tensor]:
        blocks = blocks_of(size, config.points)
        sums = KeypointSums(keypoints, output_mask[1:], blocks)
        compose_backward_kernel[grid(given.shape[0] * blocks)](
            grad_output=given,
            grad_output_strides=given.stride(),
            grad_logits=to,
            grad_logits_strides=strides_of(to),
            **sums.tensors(),
            logits=mask_logits,
            logits_strides=mask_logits.stride(),
            logits_size=tuple(mask_logits.shape[2:]),
            **keypoints.tensors(),
            size=tuple(size),
            batch=given.shape[0],
            blocks=blocks,
            RESIZED=is_resized,
            WIDE=is_wide(given, mask_logits[:, :1], None if to is None else to[:, :1]),
            POINTS=config.points,
            num_warps=config.num_warps,
        )
        return sums.total()

    shape = (jacobian is not None, keypoints.count, grad_output.numel(), is_resized, *output_mask)
    summed = (to,) if is_resized else ()
    gradients = launch(run, CONFIGS, "compose_motion_backward", mask_logits, shape, sums=summed)
    if grad_logits is None or to is None:
        return gradients
    return [grad_logits if to is grad_logits else grad_logits.copy_(to), *gradients]
