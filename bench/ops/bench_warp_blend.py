"""warp_blend beside grid_sample, a sigmoid and two products."""

from collections.abc import Sequence
from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import CHANNELS, LARGE_VOLUME, VOLUME, feature, smooth_deformation
from bench.operations import added, trilinear
from bench.settings import Measure, Setting
from bench.targets import Faster, PerSample
from ptus_kernels import warp_blend


def warped_volume(size: Sequence[int], with_background: bool, random: torch.Generator, batch: int) -> Inputs:
    """A feature volume, its deformation, the logits of its occlusion map, and perhaps what shows where it is hidden."""
    inputs = {
        "input": feature(random, batch, CHANNELS, size),
        "deformation": smooth_deformation(random, batch, size),
        "occlusion": feature(random, batch, 1, size[1:]),
    }
    if with_background:
        inputs["background"] = feature(random, batch, CHANNELS, size)
    return inputs


def eager(input: Tensor, deformation: Tensor, occlusion: Tensor, background: Tensor | None = None) -> Tensor:
    """In float32, since half-precision coordinates miss by a voxel."""
    visible = torch.sigmoid(occlusion).unsqueeze(2)
    warped = F.grid_sample(input.to(deformation.dtype), deformation, align_corners=False) * visible
    if background is not None:
        warped = warped + (1 - visible) * background.to(warped.dtype)
    return warped.to(input.dtype)


def operations(inputs: Inputs) -> Operations:
    """Of a trilinear sample and a blend; each blended value has a gradient, a product and a term of the map's."""
    points, channels = inputs["deformation"].numel() // 3, inputs["input"].shape[1]
    blend = 3 if "background" in inputs else 1
    per_pixel = 3 * prod(inputs["occlusion"].shape)
    return added(
        trilinear(points, channels),
        Operations(blend * points * channels + per_pixel, (2 * blend + 1) * points * channels + per_pixel),
    )


WARP_BLEND = Op(
    "warp_blend",
    ours=partial(warp_blend, sigmoid=True),
    eager=eager,
    features=("input", "background"),
    operations=operations,
    memory_format="channels last",
    transposed="input",
    gpu_times_eager={"forward": 4, "backward": 4},
)
CASES = [
    Case(
        WARP_BLEND,
        "warped",
        VOLUME,
        partial(warped_volume, VOLUME, False),
        asked=(
            Asked("forward", Faster(18)),
            Asked("backward", Faster(12)),
            Asked("forward", PerSample(1), dtype="bfloat16"),
            Asked("forward", PerSample(1.3), batch=8),
        ),
        readme=("forward", "backward"),
    ),
    Case(WARP_BLEND, "warped, 128×128", LARGE_VOLUME, partial(warped_volume, LARGE_VOLUME, False)),
    Case(WARP_BLEND, "with background", VOLUME, partial(warped_volume, VOLUME, True)),
    Case(
        WARP_BLEND,
        "deterministic",
        VOLUME,
        partial(warped_volume, VOLUME, False),
        directions=("backward",),
        deterministic=True,
    ),
]


def bench_warp_blend(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
