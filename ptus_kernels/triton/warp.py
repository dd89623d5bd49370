"""Launches sampling, with or without blending by an occlusion map: what grid_sample and warp_blend share.

The gradients of the input and of the map are sums that many programs add to, in no fixed order: repeated, they differ
in the last bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ptus_kernels.memory_format import empty_in_format_of
from ptus_kernels.triton.arguments import (
    blocks_of,
    grid,
    is_wide,
    lies_by_channels,
    strides_of,
    sums_like,
    volume_of,
    volume_of_points,
)
from ptus_kernels.triton.tuning import Config, launch
from ptus_kernels.triton.warp_kernels import warp_backward_kernel, warp_kernel

CONFIGS = (Config(32, 32, 4), Config(64, 32, 4), Config(64, 32, 8), Config(16, 64, 4), Config(128, 16, 4))
# The backward kernels hold more at a time, and must not spill it.
BACKWARD_CONFIGS = (Config(16, 32, 4), Config(32, 32, 8), Config(32, 16, 4), Config(32, 32, 4), Config(64, 16, 4))


@dataclass(frozen=True)
class Warp:
    """The arguments of a call: an input (N, C, [D,] H, W), points (N, [d,] h, w, rank), and what to blend by."""

    input: Tensor
    points: Tensor
    occlusion: Tensor | None
    background: Tensor | None
    sigmoid: bool
    mode: str
    padding_mode: str
    align_corners: bool

    def output_size(self) -> tuple[int, ...]:
        """(N, C, [d,] h, w)."""
        return (*self.input.shape[:2], *self.points.shape[1:-1])

    def tensors(self) -> dict[str, Any]:
        """The kernels' arguments that say what is read."""
        input, points = volume_of(self.input), volume_of_points(self.points)
        background = None if self.background is None else volume_of(self.background)
        return {
            "input": input,
            "input_strides": input.stride(),
            "input_size": tuple(input.shape[2:]),
            "points": points,
            "points_strides": points.stride(),
            "occlusion": self.occlusion,
            "occlusion_strides": strides_of(self.occlusion),
            "occlusion_size": None if self.occlusion is None else tuple(self.occlusion.shape[2:]),
            "background": background,
            "background_strides": strides_of(background),
            "size": tuple(points.shape[2:]),
            "channels": input.shape[1],
        }

    def flags(self) -> dict[str, Any]:
        """The kernels' arguments that say which code runs."""
        is_resized = self.occlusion is not None and self.occlusion.shape[2:] != self.points.shape[-3:-1]
        return {
            "RANK": self.points.shape[-1],
            "NEAREST": self.mode == "nearest",
            "PADDING": self.padding_mode,
            "ALIGN_CORNERS": self.align_corners,
            "RESIZED": is_resized,
            "SIGMOID": self.sigmoid,
        }


def warp(of: Warp) -> Tensor:
    """Sample and blend: (N, C, [d,] h, w), in the input's type and memory format."""
    output = empty_in_format_of(of.input, of.output_size())
    if output.numel() == 0:
        return output
    to, tensors = volume_of(output), of.tensors()
    batch, channels, *size = to.shape
    by_channels = lies_by_channels(output)
    wide = is_wide(to, of.occlusion, *(tensors[name] for name in ("input", "points", "background")))

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        warp_kernel[grid(batch * blocks, -(-channels // config.channels))](
            output=to,
            output_strides=to.stride(),
            **tensors,
            blocks=blocks,
            **of.flags(),
            CHANNELS_LAST=by_channels,
            WIDE=wide,
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (of.points.shape[-1], of.mode == "nearest", by_channels, batch * blocks_of(size, 1), channels)
    launch(run, CONFIGS, "warp", output, shape)
    return output


def warp_backward(of: Warp, grad_output: Tensor, mask: Sequence[bool]) -> list[Tensor]:
    """The gradients of input, points, map and background that `mask` asks for."""
    wants_input, wants_points, wants_occlusion, wants_background = mask
    grad_input = empty_in_format_of(of.input, of.input.shape) if wants_input else None
    grad_points = torch.empty_like(of.points, memory_format=torch.contiguous_format) if wants_points else None
    grad_occlusion = grad_background = None
    if wants_occlusion and of.occlusion is not None:
        grad_occlusion = torch.empty_like(of.occlusion, memory_format=torch.contiguous_format)
    if wants_background and of.background is not None:
        grad_background = empty_in_format_of(of.background, of.background.shape)
    gradients = [one for one in (grad_input, grad_points, grad_occlusion, grad_background) if one is not None]
    if grad_output.numel() == 0:
        return [gradient.zero_() for gradient in gradients]

    given, tensors = volume_of(grad_output), of.tensors()
    batch, channels, *size = given.shape
    sums = None if grad_input is None else sums_like(grad_input)
    to = [
        None if sums is None else volume_of(sums),
        None if grad_points is None else volume_of_points(grad_points),
        grad_occlusion,
        None if grad_background is None else volume_of(grad_background),
    ]
    by_channels = lies_by_channels(given, tensors["input"])
    wide = is_wide(given, of.occlusion, *(tensors[name] for name in ("input", "points", "background")), *to)

    def run(config: Config) -> None:
        blocks = blocks_of(size, config.points)
        warp_backward_kernel[grid(batch * blocks)](
            grad_output=given,
            grad_output_strides=given.stride(),
            grad_input=to[0],
            grad_input_strides=strides_of(to[0]),
            grad_points=to[1],
            grad_points_strides=strides_of(to[1]),
            grad_occlusion=to[2],
            grad_occlusion_strides=strides_of(to[2]),
            grad_background=to[3],
            grad_background_strides=strides_of(to[3]),
            **tensors,
            blocks=blocks,
            **of.flags(),
            CHANNELS_LAST=by_channels,
            WIDE=wide,
            POINTS=config.points,
            CHANNELS=config.channels,
            num_warps=config.num_warps,
        )

    shape = (of.points.shape[-1], of.mode == "nearest", by_channels, batch * blocks_of(size, 1), channels, *mask)
    launch(run, BACKWARD_CONFIGS, "warp_backward", given, shape, sums=(sums, grad_occlusion))
    if grad_input is not None and sums is not None and sums is not grad_input:
        grad_input.copy_(sums)
    return gradients
