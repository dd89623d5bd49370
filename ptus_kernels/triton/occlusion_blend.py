"""occlusion_blend in Triton. The gradient of the map is added to in no fixed order."""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import blocks_of, grid, is_wide, lies_by_channels, strides_of, volume_of
from ptus_kernels.triton.occlusion import add_to_map, map_taps, read_occlusion
from ptus_kernels.triton.tiles import (
    block_of_channels,
    block_of_points,
    of_channels,
    of_points,
    offsets_at,
    sum_channels,
    tile_at,
)
from ptus_kernels.triton.tuning import Config, launch

CONFIGS = (Config(128, 16, 4), Config(64, 32, 4), Config(256, 8, 4), Config(256, 16, 8), Config(32, 128, 8))


@triton.jit
def blend_kernel(
    output, output_strides, foreground, foreground_strides, occlusion, occlusion_strides, occlusion_size,
    background, background_strides, size, channels, blocks,
    RESIZED: tl.constexpr, SIGMOID: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write a block of points times a block of channels of the output."""
    R: tl.constexpr = occlusion.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    channel, has_channel = block_of_channels(tl.program_id(1) * CHANNELS, channels, x, CHANNELS)
    mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
    taps = map_taps(z, y, x, size, occlusion_size, R, RESIZED)
    o = read_occlusion(occlusion + n * occlusion_strides[0], taps, occlusion_strides, there, R, RESIZED, SIGMOID)
    shown = tile_at(foreground, foreground_strides, n, channel, offsets_at(foreground_strides, z, y, x), CHANNELS_LAST)
    result = of_points(o, CHANNELS_LAST) * tl.load(shown, mask=mask, other=0).to(R)
    if background is not None:
        offset = offsets_at(background_strides, z, y, x)
        behind = tile_at(background, background_strides, n, channel, offset, CHANNELS_LAST)
        result += of_points(1 - o, CHANNELS_LAST) * tl.load(behind, mask=mask, other=0).to(R)
    to = tile_at(output, output_strides, n, channel, offsets_at(output_strides, z, y, x), CHANNELS_LAST)
    tl.store(to, result.to(output.dtype.element_ty), mask=mask)


@triton.jit
def blend_backward_kernel(
    grad_output, grad_output_strides, grad_foreground, grad_foreground_strides, grad_occlusion, grad_occlusion_strides,
    grad_background, grad_background_strides, foreground, foreground_strides, occlusion, occlusion_strides,
    occlusion_size, background, background_strides, size, channels, blocks,
    RESIZED: tl.constexpr, SIGMOID: tl.constexpr, CHANNELS_LAST: tl.constexpr, WIDE: tl.constexpr,
    POINTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Take a block of points through all channels. Gradients that are None were not asked for."""
    R: tl.constexpr = occlusion.dtype.element_ty
    _, n, z, y, x, there = block_of_points(size, blocks, POINTS, WIDE)
    taps = map_taps(z, y, x, size, occlusion_size, R, RESIZED)
    o = read_occlusion(occlusion + n * occlusion_strides[0], taps, occlusion_strides, there, R, RESIZED, SIGMOID)
    along_o = tl.zeros_like(o)
    for start in range(0, channels, CHANNELS):
        channel, has_channel = block_of_channels(start, channels, x, CHANNELS)
        mask = of_points(there, CHANNELS_LAST) & of_channels(has_channel, CHANNELS_LAST)
        offset = offsets_at(grad_output_strides, z, y, x)
        given = tile_at(grad_output, grad_output_strides, n, channel, offset, CHANNELS_LAST)
        gradient = tl.load(given, mask=mask, other=0).to(R)
        if grad_occlusion is not None:
            offset = offsets_at(foreground_strides, z, y, x)
            shown = tile_at(foreground, foreground_strides, n, channel, offset, CHANNELS_LAST)
            difference = tl.load(shown, mask=mask, other=0).to(R)
            if background is not None:
                offset = offsets_at(background_strides, z, y, x)
                behind = tile_at(background, background_strides, n, channel, offset, CHANNELS_LAST)
                difference -= tl.load(behind, mask=mask, other=0).to(R)
            along_o += sum_channels(gradient * difference, CHANNELS_LAST)
        if grad_foreground is not None:
            offset = offsets_at(grad_foreground_strides, z, y, x)
            to = tile_at(grad_foreground, grad_foreground_strides, n, channel, offset, CHANNELS_LAST)
            visible = of_points(o, CHANNELS_LAST) * gradient
            tl.store(to, visible.to(grad_foreground.dtype.element_ty), mask=mask)
        if grad_background is not None:
            offset = offsets_at(grad_background_strides, z, y, x)
            to = tile_at(grad_background, grad_background_strides, n, channel, offset, CHANNELS_LAST)
            hidden = of_points(1 - o, CHANNELS_LAST) * gradient
            tl.store(to, hidden.to(grad_background.dtype.element_ty), mask=mask)
    if grad_occlusion is not None:
        sample = grad_occlusion + n * grad_occlusion_strides[0]
        add_to_map(sample, taps, grad_occlusion_strides, there, o, along_o, RESIZED, SIGMOID)


def occlusion_blend(foreground: Tensor, occlusion: Tensor, background: Tensor | None, sigmoid: bool) -> Tensor:
    """Blend features (B, C, [D,] H, W) by a map (B, 1, h, w)."""
    output = empty_in_format_of(foreground, foreground.shape)
    if output.numel() == 0:
        return output
    to, front = volume_of(output), volume_of(foreground)
    back = None if background is None else volume_of(background)
    batch, channels, *size = to.shape
    by_channels = lies_by_channels(front, back, to)
    is_resized = occlusion.shape[2:] != foreground.shape[-2:]

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        blend_kernel[grid(batch * blocks, -(-channels // config.channels))](
            output=to,
            output_strides=to.stride(),
            foreground=front,
            foreground_strides=front.stride(),
            occlusion=occlusion,
            occlusion_strides=occlusion.stride(),
            occlusion_size=tuple(occlusion.shape[2:]),
            background=back,
            background_strides=strides_of(back),
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            RESIZED=is_resized,
            SIGMOID=sigmoid,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(to, front, back, occlusion),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (back is not None, by_channels, batch * blocks_of(size, 1), channels)
    launch(run, CONFIGS, "occlusion_blend", output, shape)
    return output


def occlusion_blend_backward(
    grad_output: Tensor,
    foreground: Tensor,
    occlusion: Tensor,
    background: Tensor | None,
    sigmoid: bool,
    output_mask: Sequence[bool],
) -> list[Tensor]:
    """The gradients of foreground, map and background that the mask asks for."""
    grad_foreground = empty_in_format_of(foreground, foreground.shape) if output_mask[0] else None
    grad_occlusion = None
    if output_mask[1]:
        grad_occlusion = torch.empty_like(occlusion, memory_format=torch.contiguous_format)
    grad_background = None
    if output_mask[2] and background is not None:
        grad_background = empty_in_format_of(background, background.shape)
    gradients = [one for one in (grad_foreground, grad_occlusion, grad_background) if one is not None]
    if grad_output.numel() == 0:
        return [gradient.zero_() for gradient in gradients]

    given, front = volume_of(grad_output), volume_of(foreground)
    back = None if background is None else volume_of(background)
    to_front = None if grad_foreground is None else volume_of(grad_foreground)
    to_back = None if grad_background is None else volume_of(grad_background)
    batch, channels, *size = given.shape
    by_channels = lies_by_channels(given, front, to_front, back, to_back)
    is_resized = occlusion.shape[2:] != foreground.shape[-2:]

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        blend_backward_kernel[grid(batch * blocks)](
            grad_output=given,
            grad_output_strides=given.stride(),
            grad_foreground=to_front,
            grad_foreground_strides=strides_of(to_front),
            grad_occlusion=grad_occlusion,
            grad_occlusion_strides=strides_of(grad_occlusion),
            grad_background=to_back,
            grad_background_strides=strides_of(to_back),
            foreground=front,
            foreground_strides=front.stride(),
            occlusion=occlusion,
            occlusion_strides=occlusion.stride(),
            occlusion_size=tuple(occlusion.shape[2:]),
            background=back,
            background_strides=strides_of(back),
            size=tuple(size),
            channels=channels,
            blocks=blocks,
            RESIZED=is_resized,
            SIGMOID=sigmoid,
            CHANNELS_LAST=by_channels,
            WIDE=is_wide(given, front, back, to_front, to_back, occlusion),
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (back is not None, by_channels, batch * blocks_of(size, 1), channels, *output_mask)
    launch(run, CONFIGS, "occlusion_blend_backward", given, shape, sums=(grad_occlusion,))
    return gradients
