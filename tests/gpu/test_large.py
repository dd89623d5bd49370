"""More than 2³¹ elements on the GPU, forward and backward, with values at both ends of memory."""

from collections.abc import Iterator
from math import prod

import pytest
import torch

from ptus_kernels import grid_sample_3d, occlusion_blend

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.usefixtures("unmeasured"),
]

GIB = 2**30


@pytest.fixture(autouse=True)
def _given_back() -> Iterator[None]:
    yield
    torch.cuda.empty_cache()


def needs_memory(gib: int) -> None:
    """Skip the test where the GPU has less to give."""
    free = torch.cuda.mem_get_info()[0] / GIB
    if free < gib:
        pytest.skip(f"needs {gib} GiB of the GPU's memory, of which {free:.1f} are free")


def sample_both_ends(device: torch.device, sizes: tuple[int, int, int]) -> None:
    """Sample a volume a quarter of a voxel inside its first and its last one."""
    volume = torch.zeros(1, 1, *sizes, dtype=torch.bfloat16, device=device)
    volume[0, 0, 0, 0, 0], volume[0, 0, -1, -1, -1] = 2, 3
    steps = torch.tensor(sizes[::-1], dtype=torch.float64) - 1
    inside = 1 - 0.5 / steps
    grid = torch.stack([-inside, inside]).float().view(1, 1, 1, 2, 3).to(device)
    sampled = grid_sample_3d(volume.requires_grad_(), grid.requires_grad_(), align_corners=True)
    expected = torch.tensor([2, 3]) * 0.75**3
    torch.testing.assert_close(sampled.flatten().float().cpu(), expected, rtol=0.01, atol=0)

    grad_volume, grad_grid = torch.autograd.grad(sampled, (volume, grid), torch.ones_like(sampled))
    axis = torch.tensor([0.75, 0.25])
    corner = axis[:, None, None] * axis[:, None] * axis
    first, last = grad_volume[0, 0, :2, :2, :2], grad_volume[0, 0, -2:, -2:, -2:]
    torch.testing.assert_close(first.float().cpu(), corner, rtol=0.01, atol=0)
    torch.testing.assert_close(last.float().cpu(), corner.flip(0, 1, 2), rtol=0.01, atol=0)
    assert grad_volume.count_nonzero() == 16
    slopes = 0.75**2 * steps.float() / 2
    torch.testing.assert_close(grad_grid[0, 0, 0].cpu(), torch.stack([-2 * slopes, 3 * slopes]), rtol=0.01, atol=0)


def sample_many(device: torch.device, channels: int, points: int) -> None:
    """Sample a single voxel at many points, of which the second half lies outside."""
    feature = torch.arange(1.0, channels + 1, device=device).bfloat16().view(1, channels, 1, 1, 1)
    grid = torch.zeros(1, 1, 1, points, 3, device=device)
    grid[..., points // 2 :, 0] = 5
    sampled = grid_sample_3d(feature.requires_grad_(), grid.requires_grad_())
    assert torch.equal(sampled[0, :, 0, 0, 0], feature.flatten())
    assert torch.equal(sampled[0, :, 0, 0, points // 2 - 1], feature.flatten())
    assert not sampled[0, :, 0, 0, points // 2 :: points // 4].any() and not sampled[0, :, 0, 0, -1].any()

    one = torch.ones((), dtype=torch.bfloat16, device=device).expand_as(sampled)
    grad_feature, grad_grid = torch.autograd.grad(sampled, (feature, grid), one)
    count = torch.tensor(float(points // 2)).bfloat16()
    assert torch.equal(grad_feature.flatten().cpu(), count.expand(channels))
    assert grad_grid.isfinite().all() and not grad_grid[..., points // 2 :, :].any()


def blend_both_ends(device: torch.device, channels: int, height: int, width: int) -> None:
    """Blend a feature whose first and last numbers stand out, by a map whose first and last numbers do."""
    foreground = torch.ones(1, channels, height, width, dtype=torch.bfloat16, device=device)
    foreground[0, 0, 0, 0], foreground[0, -1, -1, -1] = 2, 3
    occlusion = torch.full((1, 1, height, width), 0.25, device=device)
    occlusion[0, 0, 0, 0], occlusion[0, 0, -1, -1] = 0.5, 0.75
    blended = occlusion_blend(foreground.requires_grad_(), occlusion.requires_grad_())
    ends = [blended[0, channel, y, y].item() for channel, y in ((0, 0), (-1, 0), (0, -1), (-1, -1))]
    assert ends == [1, 0.5, 0.75, 2.25]

    one = torch.ones((), dtype=torch.bfloat16, device=device).expand_as(blended)
    grad_foreground, grad_occlusion = torch.autograd.grad(blended, (foreground, occlusion), one)
    ends = [grad_foreground[0, channel, y, y].item() for channel, y in ((0, 0), (-1, 0), (0, -1), (-1, -1))]
    assert ends == [0.5, 0.5, 0.75, 0.75]
    assert grad_occlusion[0, 0, 0, 0] == channels + 1 and grad_occlusion[0, 0, -1, -1] == channels + 2
    assert (grad_occlusion.flatten()[1:-1] == channels).all()


def test_a_volume_of_more_than_2_to_the_31_voxels(backend: str) -> None:
    sizes = (1300, 1300, 1300)
    assert prod(sizes) > 2**31
    needs_memory(24)
    sample_both_ends(torch.device("cuda"), sizes)


def test_more_than_2_to_the_31_samples(backend: str) -> None:
    channels, points = 36_000, 60_000
    assert channels * points > 2**31
    needs_memory(8)
    sample_many(torch.device("cuda"), channels, points)


def test_a_blend_of_more_than_2_to_the_31_numbers(backend: str) -> None:
    channels, height, width = 2100, 1024, 1024
    assert channels * height * width > 2**31
    needs_memory(16)
    blend_both_ends(torch.device("cuda"), channels, height, width)
