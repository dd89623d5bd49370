"""The few layers that every part is built from."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation (which inference folds into it), rectification."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class ResBlock(nn.Module):
    """x + f(x), f two 3×3 convolutions (He et al. 2016).

    Args:
        channels: of features.
        hidden: channels between the two; as many where None.
    """

    def __init__(self, channels: int, hidden: int | None = None) -> None:
        super().__init__()
        hidden = channels if hidden is None else hidden
        self.first = ConvBlock(channels, hidden)
        self.second = nn.Conv2d(hidden, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        return F.relu(features + self.norm(self.second(self.first(features))))


class PreciseLinear(nn.Linear):
    """A linear layer that computes in float32 also where features are of half types: what it gives are coordinates."""

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, N) → (B, M), in the type of `numbers`."""
        return (numbers.unsqueeze(1) * precise(self.weight)).sum(dim=2) + precise(self.bias)


class VolumeConv(nn.Conv2d):
    """A 3×3×3 convolution of a volume as a 3×3 one of its planes, each beside its two neighbours.

    On the CPU PyTorch differentiates a 3-D convolution several times slower than this.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(3 * channels_in, channels_out, 3, padding=1, bias=False)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, D, H, W), zeros around it → (B, C', D, H, W)."""
        depth = volume.shape[2]
        padded = F.pad(volume, (0, 0, 0, 0, 1, 1))
        beside = torch.cat([padded[:, :, shift : shift + depth] for shift in range(3)], dim=1)
        planes = rearrange(beside, "b c d h w -> (b d) c h w").contiguous(memory_format=torch.channels_last)
        return rearrange(super().forward(planes), "(b d) c h w -> b c d h w", d=depth)


class ResBlock3d(nn.Module):
    """x + f(x) on volumes; f two 3×3×3 convolutions, which only ever run once a source."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = VolumeConv(channels, channels)
        self.first_norm = nn.BatchNorm3d(channels)
        self.second = VolumeConv(channels, channels)
        self.norm = nn.BatchNorm3d(channels)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, C, D, H, W) → the same shape."""
        return F.relu(volume + self.norm(self.second(F.relu(self.first_norm(self.first(volume))))))


def precise(tensor: Tensor) -> Tensor:
    """Numbers that coordinates are made of: in float32, or in float64 where the features are."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def bounded(numbers: Tensor, largest: float) -> Tensor:
    """The numbers themselves where they are small, never more than the largest."""
    return largest * (numbers / largest).tanh()


def doubled(features: Tensor) -> Tensor:
    """Feature maps at twice their height and width, (B, C, H, W) → (B, C, 2H, 2W), bilinear."""
    return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def identity_grid(size: Sequence[int], like: Tensor) -> Tensor:
    """Coordinates (x, y[, z]) of the points of a grid (…, H, W), end points -1 and 1: (*size, rank).

    Args:
        size: of the grid.
        like: other coordinates, of the device and type that are wanted.
    """
    return torch.stack(torch.meshgrid(*lines(size, like)[::-1], indexing="ij")[::-1], dim=-1)


def lines(size: Sequence[int], like: Tensor) -> list[Tensor]:
    """The coordinates of `identity_grid` along each of its axes: x of (W,), y of (H,), and z."""
    return [torch.linspace(-1, 1, steps, device=like.device, dtype=like.dtype) for steps in reversed(size)]
