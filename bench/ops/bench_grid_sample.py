"""grid_sample_3d beside torch.nn.functional.grid_sample."""

from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Case, Direction, Faster, Inputs, PerSample
from bench.inputs import CHANNELS, VOLUME, feature, generator, random_grid, smooth_deformation
from bench.parameters import Measure, parameters
from ptus_kernels import grid_sample_3d

SAMPLE_BYTES = 4 * CHANNELS * prod(VOLUME)


def volume_and_grid(
    batch: int = 1, channels_last: bool = True, dtype: torch.dtype = torch.float32, smooth: bool = True
) -> Inputs:
    """A feature volume, and where to sample it."""
    random = generator()
    volume = feature(random, batch, CHANNELS, VOLUME, channels_last).to(dtype)
    grid = smooth_deformation(random, batch, VOLUME) if smooth else random_grid(random, batch, VOLUME)
    return {"input": volume, "grid": grid}


def eager(input: Tensor, grid: Tensor) -> Tensor:
    """In float32, since half-precision coordinates miss by a voxel."""
    return F.grid_sample(input.to(grid.dtype), grid, align_corners=False).to(input.dtype)


case = partial(Case, "grid_sample_3d", ours=grid_sample_3d, eager=eager, features=("input",))
CHANNELS_LAST = case("channels last", volume_and_grid, targets={"forward": Faster(18), "backward": Faster(14)})
CASES = [
    CHANNELS_LAST,
    case(
        "contiguous",
        partial(volume_and_grid, channels_last=False),
        targets={"forward": Faster(10), "backward": Faster(9)},
        scratch={"forward": SAMPLE_BYTES, "backward": SAMPLE_BYTES},
    ),
    case(
        "bfloat16",
        partial(volume_and_grid, dtype=torch.bfloat16),
        targets={"forward": PerSample(1, CHANNELS_LAST)},
    ),
    case("batch 8", partial(volume_and_grid, batch=8), targets={"forward": PerSample(1.3, CHANNELS_LAST)}),
    case("random grid", partial(volume_and_grid, smooth=False), targets={"forward": None, "backward": None}),
]


@parameters(CASES)
def bench_grid_sample(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a case and direction."""
    measure(case, direction)
