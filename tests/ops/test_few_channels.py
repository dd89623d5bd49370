"""Up to four channels are counted when the kernels are compiled, and their planes are taken apart by registers."""

import pytest
import torch

from ptus_kernels import grid_sample_2d, grid_sample_3d, warp_blend
from tests.ops.inputs import normal, points_inside_cells
from tests.ops.layouts import laid_out

SIZES = {2: (9, 11), 3: (4, 9, 11)}
CHANNELS = 9
FIELD_WIDTHS = (1, 7, 16, 19, 71)
"""Less than a register of points, some registers, and some with a rest."""


@pytest.mark.parametrize("width", FIELD_WIDTHS)
@pytest.mark.parametrize("few", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("rank", [2, 3])
def test_few_channels_are_those_of_many(rank: int, dtype: torch.dtype, layout: str, few: int, width: int) -> None:
    op, field = {2: grid_sample_2d, 3: grid_sample_3d}[rank], (*(3,) * (rank - 1), width)
    feature = normal(1, (2, CHANNELS, *SIZES[rank]), dtype)
    points = points_inside_cells(0, (2, *field), SIZES[rank], align_corners=False)
    points = points.double() if dtype == torch.float64 else points
    background, occlusion = normal(2, (2, CHANNELS, *field), dtype), normal(3, (2, 1, *field[-2:]), points.dtype)
    fewer, behind = (laid_out(tensor[:, :few], layout) for tensor in (feature, background))
    torch.testing.assert_close(op(fewer, points), op(feature, points)[:, :few])
    blended = warp_blend(fewer, points, occlusion, behind, sigmoid=True)
    expected = warp_blend(feature, points, occlusion, background, sigmoid=True)[:, :few]
    torch.testing.assert_close(blended, expected)
    assert blended.count_nonzero() > blended.numel() / 2
