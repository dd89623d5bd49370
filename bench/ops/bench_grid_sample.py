"""grid_sample_3d beside torch.nn.functional.grid_sample and other public samplers."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import CHANNELS, LARGE_VOLUME, VOLUME, feature, random_grid, smooth_deformation
from bench.operations import trilinear
from bench.peers import SAMPLERS_3D
from bench.settings import Measure, Setting
from bench.targets import Faster, PerSample
from ptus_kernels import grid_sample_3d

Grid = Callable[[torch.Generator, int, Sequence[int]], Tensor]


def volume_and_grid(size: Sequence[int], grid: Grid, random: torch.Generator, batch: int) -> Inputs:
    """A feature volume, and where to sample it."""
    return {"input": feature(random, batch, CHANNELS, size), "grid": grid(random, batch, size)}


def few_points(random: torch.Generator, batch: int, size: Sequence[int]) -> Tensor:
    """As keypoints are sampled: a few of them, anywhere in the volume."""
    return random_grid(random, batch, size)[:, :1, :4, :8].contiguous()


def eager(input: Tensor, grid: Tensor) -> Tensor:
    """In float32, since half-precision coordinates miss by a voxel."""
    return F.grid_sample(input.to(grid.dtype), grid, align_corners=False).to(input.dtype)


def operations(inputs: Inputs) -> Operations:
    """Of a trilinear sample a point of the grid."""
    return trilinear(inputs["grid"].numel() // 3, inputs["input"].shape[1])


GRID_SAMPLE = Op(
    "grid_sample_3d",
    ours=grid_sample_3d,
    eager=eager,
    features=("input",),
    operations=operations,
    memory_format="channels last",
    transposed="input",
    gpu_times_eager={"forward": 3, "backward": 4},
    peers=SAMPLERS_3D,
)
SMOOTH = partial(volume_and_grid, VOLUME, smooth_deformation)
CASES = [
    Case(
        GRID_SAMPLE,
        "smooth grid",
        VOLUME,
        SMOOTH,
        asked=(
            Asked("forward", Faster(18)),
            Asked("backward", Faster(14)),
            Asked("forward", Faster(10), memory_format="contiguous"),
            Asked("backward", Faster(9), memory_format="contiguous"),
            Asked("forward", PerSample(1), dtype="bfloat16"),
            Asked("forward", PerSample(1.3), batch=8),
        ),
        readme=("forward", "backward"),
    ),
    Case(GRID_SAMPLE, "smooth grid, 128×128", LARGE_VOLUME, partial(volume_and_grid, LARGE_VOLUME, smooth_deformation)),
    Case(GRID_SAMPLE, "random grid", VOLUME, partial(volume_and_grid, VOLUME, random_grid), targetless=True),
    Case(GRID_SAMPLE, "32 points", VOLUME, partial(volume_and_grid, VOLUME, few_points), targetless=True),
    Case(GRID_SAMPLE, "deterministic", VOLUME, SMOOTH, directions=("backward",), deterministic=True),
]


def bench_grid_sample(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
