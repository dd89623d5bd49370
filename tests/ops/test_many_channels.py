"""Features of many channels are sampled some channels at a time, where that keeps them in a core's cache."""

import pytest
import torch
from torch import Tensor

from ptus_kernels import grid_sample_2d, grid_sample_3d, warp_blend
from tests.ops.inputs import normal, points_inside_cells
from tests.ops.layouts import laid_out
from tests.ops.threads import number_of_threads

SIZES = {2: (64, 60), 3: (4, 32, 30)}
CHANNELS = 77
"""In float32 two blocks of 32 channels and one of 13; in bfloat16 one of 64 and one of 13."""
TOO_MANY_THREADS = 12
"""For so few blocks: all channels are sampled at once."""
DTYPES = [torch.float32, torch.bfloat16]


def points(rank: int) -> Tensor:
    """As many as there are voxels, some of them outside."""
    return points_inside_cells(0, (2, *SIZES[rank]), SIZES[rank], align_corners=False)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", ["contiguous", "sliced", "batch_expanded"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [2, 3])
def test_blocks_of_channels_are_what_all_at_once_are(rank: int, dtype: torch.dtype, layout: str, threads: int) -> None:
    op = {2: grid_sample_2d, 3: grid_sample_3d}[rank]
    feature = laid_out(normal(1, (2, CHANNELS, *SIZES[rank]), dtype), layout)
    grid = points(rank)
    with number_of_threads(TOO_MANY_THREADS):
        expected = op(feature, grid)
    with number_of_threads(threads):
        found = op(feature, grid)
    assert torch.equal(found, expected)
    assert found.count_nonzero() > found.numel() / 2


@pytest.mark.parametrize("of_background", ["contiguous", "channels_last"])
@pytest.mark.parametrize("rank", [2, 3])
def test_a_background_is_blended_block_by_block(rank: int, of_background: str) -> None:
    feature, background = normal(1, (2, 2, CHANNELS, *SIZES[rank]))
    grid, occlusion = points(rank), normal(2, (2, 1, *(size // 2 for size in SIZES[rank][-2:])))
    found = {}
    for threads in (2, TOO_MANY_THREADS):
        with number_of_threads(threads):
            found[threads] = warp_blend(feature, grid, occlusion, laid_out(background, of_background), sigmoid=True)
    assert torch.equal(found[2], found[TOO_MANY_THREADS])
