"""Of few points those voxels are copied that they read, not the whole feature: the result is a channels-last one's."""

import pytest
import torch
from torch import Tensor

from ptus_kernels import grid_sample_2d, grid_sample_3d, warp_blend
from tests.ops.inputs import normal
from tests.ops.layouts import laid_out

SIZES = {2: (40, 36), 3: (6, 20, 18)}
OPS = {2: grid_sample_2d, 3: grid_sample_3d}
GRIDS = {"row": (1, 21), "column": (21, 1)}
DTYPES = [torch.float32, torch.float64, torch.bfloat16]


def few_points(rank: int, shape: str, dtype: torch.dtype) -> Tensor:
    """Of two samples, a third of them outside."""
    grid = 0.7 * normal(3, (2, *([1] * (rank - 2)), *GRIDS[shape], rank))
    return grid.to(torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("layout", ["contiguous", "sliced", "batch_expanded"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", GRIDS)
@pytest.mark.parametrize("rank", [2, 3])
def test_samples_and_gradients_are_those_of_channels_last(
    rank: int, shape: str, dtype: torch.dtype, layout: str, mode: str, padding_mode: str
) -> None:
    feature = laid_out(normal(1, (2, 37, *SIZES[rank]), dtype), layout)
    grid = few_points(rank, shape, dtype).requires_grad_()
    found = OPS[rank](feature, grid, mode=mode, padding_mode=padding_mode)
    expected = OPS[rank](laid_out(feature, "channels_last"), grid, mode=mode, padding_mode=padding_mode)
    assert torch.equal(found, expected)
    assert found.count_nonzero() > found.numel() / 3
    gradients = [torch.autograd.grad(result.square().sum(), grid)[0] for result in (found, expected)]
    assert torch.equal(*gradients)
    assert mode == "nearest" or gradients[0].count_nonzero() > grid.numel() / 4


@pytest.mark.parametrize("rank", [2, 3])
def test_blending_is_that_of_channels_last(rank: int) -> None:
    feature, grid = normal(1, (2, 37, *SIZES[rank])), few_points(rank, "row", torch.float32)
    background, occlusion = normal(2, (2, 37, *grid.shape[1:-1])), normal(4, (2, 1, 1, 21)).requires_grad_()
    results = [
        warp_blend(laid_out(feature, layout), grid, occlusion, background, sigmoid=True)
        for layout in ("contiguous", "channels_last")
    ]
    assert torch.equal(*results)
    assert torch.equal(*(torch.autograd.grad(result.square().sum(), occlusion)[0] for result in results))
