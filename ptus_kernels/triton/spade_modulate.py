"""spade_modulate in Triton. All sums have an order that depends on sizes and block sizes alone."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import (
    blocks_of,
    grid,
    is_wide,
    lies_by_channels,
    strides_of,
    type_of_sums,
    volume_of,
)
from ptus_kernels.triton.spade_modulate_kernels import (
    spade_gradient_kernel,
    spade_input_gradient_kernel,
    spade_kernel,
    spade_means_kernel,
    spade_moments_kernel,
    spade_statistics_kernel,
)
from ptus_kernels.triton.tuning import Config, launch

# Blocks of many points first: whoever brings them together then has few.
CONFIGS = (Config(256, 8, 4), Config(512, 4, 4), Config(1024, 4, 8), Config(128, 32, 8), Config(64, 64, 8))
# A program brings together the sums of so many channels, over so many blocks at a time.
CHANNELS_OF_WHOLE, BLOCKS_AT_A_TIME = 16, 64


def _sums_like(x: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=type_of_sums(x), device=x.device)


def _statistics(x: Tensor, eps: float, by_channels: bool, config: Config) -> Tensor:
    """The mean and the inverse deviation of each channel of a volume (N, C, 1, H, W): (N, 2, C)."""
    batch, channels, *size = x.shape
    blocks = blocks_of(size, config.points)
    sums, statistics = _sums_like(x, batch, blocks, 2, channels), _sums_like(x, batch, 2, channels)
    spade_moments_kernel[grid(batch * blocks, -(-channels // config.channels))](
        sums=sums,
        x=x,
        x_strides=x.stride(),
        size=tuple(size),
        channels=channels,
        blocks=blocks,
        CHANNELS_LAST=by_channels,
        WIDE=is_wide(x),
        POINTS=config.points,
        CHANNELS=config.channels,
        num_warps=config.num_warps,
    )
    spade_statistics_kernel[grid(batch, -(-channels // CHANNELS_OF_WHOLE))](
        statistics=statistics,
        sums=sums,
        eps=eps,
        points=x.shape[2:].numel(),
        channels=channels,
        blocks=blocks,
        POINTS=config.points,
        CHANNELS=CHANNELS_OF_WHOLE,
        BLOCKS=BLOCKS_AT_A_TIME,
        num_warps=4,
    )
    return statistics


def spade_modulate(
    x: Tensor, gamma: Tensor, beta: Tensor, scale_factor: int, negative_slope: float, eps: float
) -> Tensor:
    """Normalise (B, C, h, w), and modulate it by maps of scale_factor times its size."""
    output = empty_in_format_of(x, gamma.shape)
    if output.numel() == 0:
        return output
    to, feature, scale, shift = (volume_of(tensor) for tensor in (output, x, gamma, beta))
    batch, channels, *size = to.shape
    by_channels = lies_by_channels(feature, scale, shift, to)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        spade_kernel[grid(batch * blocks, -(-channels // config.channels))](
            output=to,
            output_strides=to.stride(),
            x=feature,
            x_strides=feature.stride(),
            gamma=scale,
            gamma_strides=scale.stride(),
            beta=shift,
            beta_strides=shift.stride(),
            statistics=_statistics(feature, eps, by_channels, config),
            negative_slope=negative_slope,
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            SCALE=scale_factor,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(to, feature, scale, shift),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    launch(run, CONFIGS, "spade_modulate", output, (scale_factor, by_channels, batch * blocks_of(size, 1), channels))
    return output


def spade_modulate_backward(
    grad_output: Tensor,
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    scale_factor: int,
    negative_slope: float,
    eps: float,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of x, gamma and beta that the mask asks for."""
    asked = [
        empty_in_format_of(tensor, tensor.shape) if wanted else None
        for tensor, wanted in zip((x, gamma, beta), output_mask, strict=True)
    ]
    gradients = [gradient for gradient in asked if gradient is not None]
    if grad_output.numel() == 0:
        return [gradient.zero_() for gradient in gradients]
    to_x, to_gamma, to_beta = (None if gradient is None else volume_of(gradient) for gradient in asked)
    given, feature, scale, shift = (volume_of(tensor) for tensor in (grad_output, x, gamma, beta))
    # What passes to the normalised x, in the type of the sums.
    passed = None if to_x is None else torch.empty_like(to_x, dtype=type_of_sums(x))
    batch, channels, *size = feature.shape
    by_channels = lies_by_channels(given, feature, scale, shift, to_gamma, to_beta)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        launched = grid(batch * blocks, -(-channels // config.channels))
        statistics = _statistics(feature, eps, by_channels, config)
        sums = None if passed is None else _sums_like(x, batch, blocks, 2, channels)
        spade_gradient_kernel[launched](
            passed=passed,
            passed_strides=strides_of(passed),
            sums=sums,
            grad_gamma=to_gamma,
            grad_gamma_strides=strides_of(to_gamma),
            grad_beta=to_beta,
            grad_beta_strides=strides_of(to_beta),
            grad_output=given,
            grad_output_strides=given.stride(),
            x=feature,
            x_strides=feature.stride(),
            gamma=scale,
            gamma_strides=scale.stride(),
            beta=shift,
            beta_strides=shift.stride(),
            statistics=statistics,
            negative_slope=negative_slope,
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            SCALE=scale_factor,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(given, feature, scale, shift, passed, to_gamma, to_beta),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )
        if to_x is None or passed is None or sums is None:
            return
        means = _sums_like(x, batch, 2, channels)
        spade_means_kernel[grid(batch, -(-channels // CHANNELS_OF_WHOLE))](
            means=means,
            sums=sums,
            points=feature.shape[2:].numel(),
            channels=channels,
            blocks=blocks,
            CHANNELS=CHANNELS_OF_WHOLE,
            BLOCKS=BLOCKS_AT_A_TIME,
            num_warps=4,
        )
        spade_input_gradient_kernel[launched](
            grad_x=to_x,
            grad_x_strides=to_x.stride(),
            passed=passed,
            passed_strides=passed.stride(),
            means=means,
            x=feature,
            x_strides=feature.stride(),
            statistics=statistics,
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(feature, passed, to_x),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (scale_factor, by_channels, batch * blocks_of(size, 1), channels, *output_mask)
    launch(run, CONFIGS, "spade_modulate_backward", given, shape)
    return gradients
