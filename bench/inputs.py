"""Inputs as models have them, on the random numbers' device: smooth deformations, keypoints that move a little."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.borders import off_borders
from examples.dense_motion import identity_grid

VOLUME = (16, 64, 64)
LARGE_VOLUME = (16, 128, 128)
CHANNELS = 32
KEYPOINTS = 21  # of LivePortrait
FEWER_KEYPOINTS = 15  # of face-vid2vid


def feature(random: torch.Generator, batch: int, channels: int, size: Sequence[int]) -> Tensor:
    """Normally distributed (B, C, *size)."""
    return torch.randn(batch, channels, *size, generator=random, device=random.device)


def smooth_deformation(random: torch.Generator, batch: int, size: Sequence[int], amount: float = 0.1) -> Tensor:
    """The identity grid and a smooth random displacement of at most `amount`: (B, D, H, W, 3)."""
    coarse = torch.rand(batch, 3, 4, 4, 4, generator=random, device=random.device) * 2 - 1
    displacement = amount * F.interpolate(coarse, tuple(size), mode="trilinear", align_corners=True)
    return off_borders(identity_grid(size, displacement) + displacement.permute(0, 2, 3, 4, 1), size)


def random_grid(random: torch.Generator, batch: int, size: Sequence[int]) -> Tensor:
    """Points anywhere in the volume, no two neighbours near each other: (B, D, H, W, 3)."""
    return off_borders(torch.rand(batch, *size, 3, generator=random, device=random.device) * 2 - 1, size)


def keypoints(random: torch.Generator, batch: int, count: int = KEYPOINTS) -> tuple[Tensor, Tensor]:
    """Driving and source keypoints (B, K, 3), at most 0.1 from each other."""
    driving = torch.rand(batch, count, 3, generator=random, device=random.device) * 1.6 - 0.8
    moved = torch.rand(batch, count, 3, generator=random, device=random.device) * 2 - 1
    return driving, driving + 0.1 * moved


def jacobians(random: torch.Generator, batch: int, count: int = KEYPOINTS) -> Tensor:
    """Jacobians (B, K, 3, 3) near the identity."""
    noise = torch.randn(batch, count, 3, 3, generator=random, device=random.device)
    return torch.eye(3, device=random.device) + 0.1 * noise
