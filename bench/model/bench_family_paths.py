"""What lies between the networks of five published models: their motion paths before and after `accelerate`.

The models are those of `bench_families`, at their published sizes, with every convolution and normalisation taken out:
in their places stands what they would have given. What is left is what the fused ops replace, and the copies and
activations between.
"""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import VOLUME
from bench.model.bench_families import (
    draw_splines,
    draw_still,
    draw_turned,
    draw_volume,
    in_regions,
    in_splines,
    in_volume,
    still,
    turned,
)
from bench.operations import HEATMAP, SOFTMAX
from bench.settings import Measure, Setting
from bench.targets import Faster
from examples.published import articulated, face_vid2vid, first_order, live_portrait, thin_plate_spline
from ptus_kernels import accelerate

Size = tuple[int, ...]
MOTION = 6  # operations of a point under a motion, and of its sum over the motions


class Fed(nn.Module):
    """Stands in for a network: whatever comes, what it was fed goes out."""

    fed: Any = None

    def forward(self, *_: Any, **__: Any) -> Any:
        """What was fed last."""
        return self.fed


class Leading(nn.Module):
    """Stands in for a network with fewer channels: the first ones of what comes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, channels, H, W)."""
        return x[:, : self.channels]


class Path(nn.Module):
    """A model without its networks.

    Args:
        model: the model, small.
        fed: sizes (without the batch) of what networks give, by the networks' names.
        instead: modules in place of other networks, by these.
        arguments: the model's, from single tensors.
        accelerated: whether it is accelerated.
        levels: networks that give a list of levels, all of them the fed tensor.
    """

    def __init__(
        self,
        model: nn.Module,
        fed: dict[str, Size],
        instead: dict[str, nn.Module],
        arguments: Callable[[Inputs], dict[str, Any]],
        accelerated: bool,
        levels: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        if accelerated:
            report = accelerate(model)
            assert report.replaced and not report.left_alone, report
        self.model, self.arguments, self.levels = model, arguments, levels
        self.fed = {name: Fed() for name in fed}
        for name, module in (*instead.items(), *self.fed.items()):
            model.set_submodule(name, module)

    def forward(self, **inputs: Tensor) -> tuple[Tensor, ...]:
        """Every tensor that the model gives."""
        for name, module in self.fed.items():
            tensor = inputs[key_of(name)]
            module.fed = [tensor] * 2 if name in self.levels else tensor
        return tuple(tensors_of(self.model.eval()(**self.arguments(inputs))))


def key_of(network: str) -> str:
    """The name of the input that a network is fed."""
    return network.replace(".", "_")


def tensors_of(value: Any) -> list[Tensor]:
    """All tensors in mappings and lists."""
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [tensor for each in inner for tensor in tensors_of(each)]


def _draw(
    random: torch.Generator,
    batch: int,
    fed: dict[str, Size],
    draw: Callable[[torch.Generator, int], Inputs],
) -> Inputs:
    return {**{key_of(name): _smooth(random, batch, size) for name, size in fed.items()}, **draw(random, batch)}


def _smooth(random: torch.Generator, batch: int, size: Size) -> Tensor:
    """What a network might give: neighbours are alike, so that deformations made of it are smooth."""
    channels, *field = size
    coarse = [max(1, each // 8) for each in field]
    drawn = 3 * torch.randn(batch, channels, *coarse, generator=random, device=random.device)
    mode = "bilinear" if len(field) == 2 else "trilinear"
    return nn.functional.interpolate(drawn, tuple(field), mode=mode, align_corners=False)


def _operations(size: Size, motions: int, warped: int, inputs: Inputs) -> Operations:
    """Of heatmaps, motions and masks at every point, and of sampling `warped` numbers."""
    points, taps = len(next(iter(inputs.values()))) * prod(size), 2 ** len(size)
    forward = points * motions * (HEATMAP + SOFTMAX + MOTION) + 2 * taps * warped
    return Operations(forward, 2 * forward)


def _case(
    name: str,
    size: Size,
    motions: int,
    warped: int,
    make: Callable[[], nn.Module],
    fed: dict[str, Size],
    instead: Callable[[], dict[str, nn.Module]],
    draw: Callable[[torch.Generator, int], Inputs],
    arguments: Callable[[Inputs], dict[str, Any]],
    asked: float | None,
    levels: tuple[str, ...] = (),
) -> Case:
    op = Op(
        f"{name} motion path",
        Path(make(), fed, instead(), arguments, True, levels),
        Path(make(), fed, instead(), arguments, False, levels),
        features=tuple(key_of(each) for each in fed),
        operations=partial(_operations, size, motions, warped),
        limits_memory=False,
    )
    targets = () if asked is None else (Asked("forward", Faster(asked)),)
    drawn = partial(_draw, fed=fed, draw=draw)
    return Case(
        op, "between its networks", size, drawn, targets, directions=("forward",), dtypes=("float32",), batches=(1,)
    )


def _maps(block: str, motions: int, size: Size, depth: int | None = None) -> dict[str, Size]:
    """What the dense-motion networks give: an hourglass's channels do not matter, the masks and the occlusion do."""
    flat = size[-2:]
    return {
        f"{block}.hourglass": (1, *size),
        f"{block}.mask": (motions, *size),
        f"{block}.occlusion": (1, *flat),
    }


def _identities(*names: str) -> dict[str, nn.Module]:
    return {name: nn.Identity() for name in names}


SQUARE, LARGE = (64, 64), (96, 96)
DENSE, FLOW = "dense_motion_network", "pixelwise_flow_predictor"
VOLUME_POINTS = prod(VOLUME)
CASES = [
    _case(
        "face-vid2vid",
        VOLUME,
        16,
        VOLUME_POINTS * (16 * 4 + 32),
        lambda: face_vid2vid.OcclusionAwareGenerator(face_vid2vid.Sizes(width=6, motion_width=4, motion_levels=1)),
        {f"{DENSE}.compress": (4, *VOLUME), **_maps(DENSE, 16, VOLUME), "second": (512, *SQUARE)},
        lambda: {
            **_identities(f"{DENSE}.norm", "first", "resblocks_3d", "fourth", "resblocks_2d"),
            "down_blocks": nn.ModuleList(),
            "up_blocks": nn.ModuleList(),
            "third": Leading(256),
            "final": Leading(3),
        },
        partial(draw_still, count=15, side=256),
        still,
        8,
    ),
    _case(
        "LivePortrait",
        VOLUME,
        22,
        VOLUME_POINTS * (22 * 4 + 32),
        lambda: live_portrait.WarpingNetwork(
            live_portrait.Sizes(keypoints=21, width=6, motion_width=4, motion_levels=1)
        ),
        {f"{DENSE}.compress": (4, *VOLUME), **_maps(DENSE, 22, VOLUME)},
        lambda: {**_identities(f"{DENSE}.norm", "fourth"), "third": Leading(256)},
        draw_volume,
        in_volume,
        8,
    ),
    _case(
        "first-order-model",
        SQUARE,
        11,
        64 * 64 * (11 * 3 + 256) + 256 * 256 * 3,
        lambda: first_order.OcclusionAwareGenerator(first_order.SMALL),
        {f"{DENSE}.down": (3, *SQUARE), **_maps(DENSE, 11, SQUARE), "first": (256, *SQUARE)},
        lambda: {
            **_identities("bottleneck"),
            "down_blocks": nn.ModuleList(),
            "up_blocks": nn.ModuleList(),
            "final": Leading(3),
        },
        partial(draw_turned, count=10, side=256),
        turned,
        5,
    ),
    _case(
        "articulated-animation",
        LARGE,
        11,
        96 * 96 * (11 * 3 + 2 * 256 + 4 * 128 + 16 * (64 + 6)),
        lambda: articulated.Generator(articulated.Sizes(width=6, motion_width=4, motion_levels=1, residuals=1)),
        {
            f"{FLOW}.down": (3, *LARGE),
            **_maps(FLOW, 11, LARGE),
            "first": (64, 384, 384),
            "down_blocks.0": (128, 192, 192),
            "down_blocks.1": (256, *LARGE),
            "up_blocks.0": (128, 192, 192),
            "up_blocks.1": (64, 384, 384),
        },
        lambda: {**_identities("bottleneck"), "final": Leading(3)},
        partial(draw_turned, count=10, side=384),
        in_regions,
        None,
    ),
    _case(
        "thin-plate-spline",
        SQUARE,
        11,
        64 * 64 * (11 * 3 + 512 // 4 + 256 + 4 * 128 + 16 * (64 + 3)),
        lambda: thin_plate_spline.Animation(thin_plate_spline.Sizes(width=6, motion_width=8, motion_levels=2, downs=3)),
        {
            f"{DENSE}.down": (3, *SQUARE),
            f"{DENSE}.hourglass": (1, *SQUARE),
            f"{DENSE}.maps": (11, *SQUARE),
            **{f"{DENSE}.occlusion.{level}": (1, 32 * 2**level, 32 * 2**level) for level in range(4)},
            "inpainting_network.first": (64, 256, 256),
            **{
                f"inpainting_network.down_blocks.{level}": (128 * 2**level, 128 >> level, 128 >> level)
                for level in range(3)
            },
            **{f"inpainting_network.up_blocks.{level}": (256 >> level, 64 << level, 64 << level) for level in range(3)},
        },
        lambda: {
            **_identities(
                f"{DENSE}.up.0", f"{DENSE}.up.1", *(f"inpainting_network.resblock.{each}" for each in range(6))
            ),
            "inpainting_network.final": Leading(3),
        },
        partial(draw_splines, count=10, side=256),
        in_splines,
        5,
        (f"{DENSE}.hourglass",),
    ),
]


def bench_family_paths(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
