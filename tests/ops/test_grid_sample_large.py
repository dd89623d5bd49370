"""grid_sample where the number of elements does not fit 32 bits."""

from math import prod
from pathlib import Path

import pytest
import torch

from ptus_kernels import grid_sample_3d
from tests.ops.inputs import normalised

pytestmark = [pytest.mark.once, pytest.mark.unpoisoned]

GIB = 2**30


def needs_memory(gib: int) -> None:
    """Skip the test where the machine has less to give."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:") and int(line.split()[1]) * 1024 < gib * GIB:
            pytest.skip(f"needs {gib} GiB of free memory")


def test_a_volume_of_more_than_2_to_the_31_voxels(tmp_path: Path) -> None:
    needs_memory(6)
    sizes = (1200, 1300, 1400)
    assert prod(sizes) > 2**31
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(2 * prod(sizes))  # an empty file takes memory only where the volume is written
    volume = torch.from_file(file.name, size=prod(sizes), dtype=torch.bfloat16).view(1, 1, *sizes)
    last = tuple(size - 1 for size in sizes)
    volume[(0, 0, *last)] = 3
    position = torch.tensor([last[::-1]], dtype=torch.float64) - 0.25
    point = torch.stack([normalised(position[:, axis], sizes[2 - axis], True) for axis in range(3)], -1)
    grid = point.float().view(1, 1, 1, 1, 3)

    sampled = grid_sample_3d(volume.requires_grad_(), grid.requires_grad_(), align_corners=True)
    assert abs(sampled.item() - 3 * 0.75**3) < 0.01
    grad_volume, grad_grid = torch.autograd.grad(sampled, (volume, grid), torch.ones_like(sampled))
    corner = grad_volume[0, 0, -2:, -2:, -2:].double()
    axis = torch.tensor([0.25, 0.75], dtype=torch.float64)
    expected = axis[:, None, None] * axis[:, None] * axis
    torch.testing.assert_close(corner, expected, rtol=0.01, atol=0)
    assert grad_volume.count_nonzero() == 8
    slope = 3 * 0.75**2 / 2 * (torch.tensor(sizes[::-1]) - 1)
    torch.testing.assert_close(grad_grid.flatten(), slope, rtol=0.01, atol=0)


def test_more_than_2_to_the_31_samples() -> None:
    needs_memory(6)
    channels, points = 36_000, 60_000
    feature = torch.arange(1.0, channels + 1).view(1, channels, 1, 1, 1)
    grid = torch.zeros(1, 1, 1, points, 3)
    grid[..., points // 2 :, 0] = 5  # outside
    sampled = grid_sample_3d(feature.bfloat16(), grid)
    assert sampled.numel() > 2**31
    inside = sampled[0, :, 0, 0, [0, 1, points // 2 - 1]]
    assert torch.equal(inside, feature.bfloat16().view(-1, 1).expand(-1, 3))
    assert not sampled[0, :, 0, 0, [points // 2, -1]].any()
