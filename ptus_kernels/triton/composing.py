"""Launches the kernels of compose_motion and compose_splines."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import blocks_of, grid, is_wide, strides_of, sums_like, volume_of, volume_of_points
from ptus_kernels.triton.compose_kernels import compose_backward_kernel, compose_kernel
from ptus_kernels.triton.keypoints import BlockSums, Motions, asked
from ptus_kernels.triton.tuning import Config, launch

CONFIGS = (Config(128, 1, 4), Config(64, 1, 2), Config(32, 1, 1), Config(256, 1, 4), Config(256, 1, 8))

NO_SUMS = dict.fromkeys(("sum_driving", "sum_source", "sum_jacobian", "sum_background", "sum_spline"))


def _corners(mask_logits: Tensor, size: Sequence[int]) -> int:
    """How many logits a point of the field reads of each motion."""
    return 1 if tuple(mask_logits.shape[2:]) == tuple(size) else 2 ** len(size)


def compose(mask_logits: Tensor, motions: Motions, size: Sequence[int]) -> Tensor:
    """Compose the motion field (B, [D,] H, W, rank) of this size from logits (B, K + 1, [d,] h, w)."""
    output = motions.driving.new_empty((mask_logits.shape[0], *size, len(size)))
    if output.numel() == 0:
        return output
    to, logits, corners = volume_of_points(output), volume_of(mask_logits), _corners(mask_logits, size)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        compose_kernel[grid(to.shape[0] * blocks)](
            output=to,
            output_strides=to.stride(),
            logits=logits,
            logits_strides=logits.stride(),
            logits_size=tuple(logits.shape[2:]),
            **motions.tensors(),
            size=tuple(to.shape[2:]),
            blocks=blocks,
            CORNERS=corners,
            WIDE=is_wide(to, logits[:, :1]),
            POINTS=config.points,
            num_warps=config.num_warps,
        )

    shape = (motions.only_translate, motions.points, motions.count, output.numel())
    launch(run, CONFIGS, "compose_motion", mask_logits, shape)
    return output


def compose_backward(
    grad_output: Tensor,
    mask_logits: Tensor,
    motions: Motions,
    size: Sequence[int],
    learned: Mapping[str, Tensor | None],
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients that the mask asks for, of the logits and of what the motions are made of.

    Args:
        grad_output: the gradient of the field.
        mask_logits: as of `compose`.
        motions: as of `compose`.
        size: as of `compose`.
        learned: what the motions are made of, by the kernel's names for their sums, in the op's order.
        output_mask: which gradients are asked for: the logits', then those of `learned`.
    """
    given, logits, corners = volume_of_points(grad_output), volume_of(mask_logits), _corners(mask_logits, size)
    grad_logits = empty_in_format_of(mask_logits, mask_logits.shape) if output_mask[0] else None
    if grad_output.numel() == 0:
        zeros = [] if grad_logits is None else [grad_logits.zero_()]
        return zeros + [like.new_zeros(like.shape) for like in asked(list(learned.values()), output_mask[1:])]
    summed = sums_like(grad_logits) if grad_logits is not None and corners > 1 else grad_logits
    to = None if summed is None else volume_of(summed)

    def run(config: Config) -> list[Tensor]:
        blocks = blocks_of(size, config.points)
        sums = BlockSums(dict(learned), output_mask[1:], blocks)
        compose_backward_kernel[grid(given.shape[0] * blocks)](
            grad_output=given,
            grad_output_strides=given.stride(),
            grad_logits=to,
            grad_logits_strides=strides_of(to),
            **{**NO_SUMS, **sums.tensors()},
            logits=logits,
            logits_strides=logits.stride(),
            logits_size=tuple(logits.shape[2:]),
            **motions.tensors(),
            size=tuple(given.shape[2:]),
            batch=given.shape[0],
            blocks=blocks,
            CORNERS=corners,
            WIDE=is_wide(given, logits[:, :1], None if to is None else to[:, :1]),
            POINTS=config.points,
            num_warps=config.num_warps,
        )
        return sums.total()

    shape = (motions.only_translate, motions.points, motions.count, grad_output.numel(), corners, *output_mask)
    sums = (summed,) if corners > 1 else ()
    gradients = launch(run, CONFIGS, "compose_motion_backward", mask_logits, shape, sums=sums)
    if grad_logits is None or summed is None:
        return gradients
    return [grad_logits if summed is grad_logits else grad_logits.copy_(summed), *gradients]
