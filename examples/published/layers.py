"""What the families' networks are made of: blocks of convolutions, hourglasses, coordinates."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTION: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, type[nn.BatchNorm2d] | type[nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def coordinates(size: Sequence[int], like: Tensor) -> Tensor:
    """(x, y) or (x, y, z) of every point of a grid, its end points -1 and 1: (*size, n)."""
    axes = [torch.arange(n, device=like.device).to(like.dtype) * 2 / (n - 1) - 1 for n in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1)


def spread(points: Tensor, rank: int) -> Tensor:
    """(..., n) as (..., 1, …, 1, n), to meet a grid of this rank."""
    return points.view(*points.shape[:-1], *[1] * rank, points.shape[-1])


def heatmaps(keypoints: Tensor, size: Sequence[int], variance: float) -> Tensor:
    """A Gaussian around each keypoint: (B, K, n) → (B, K, *size)."""
    distances = (coordinates(size, keypoints) - spread(keypoints, len(size))).square().sum(-1)
    return torch.exp(-0.5 * distances / variance)


def with_background(maps: Tensor) -> Tensor:
    """(B, K, *size) with a zero map before: (B, K + 1, *size)."""
    return torch.cat((torch.zeros_like(maps[:, :1]), maps), dim=1)


def sparse_motions(
    size: Sequence[int], driving: Tensor, source: Tensor, jacobian: Tensor | None, background: Tensor | None = None
) -> Tensor:
    """Where each motion finds the source, the background's first: (B, K + 1, *size, n).

    Args:
        size: of the grid.
        driving: keypoints (B, K, n).
        source: keypoints (B, K, n).
        jacobian: J_source · J_driving⁻¹, (B, K, n, n).
        background: homogeneous matrix (B, n + 1, n + 1) that moves the background.
    """
    rank, grid = len(size), coordinates(size, driving)
    offsets = grid - spread(driving, rank)
    if jacobian is not None:
        matrices = jacobian.view(*jacobian.shape[:2], *[1] * rank, *jacobian.shape[2:])
        offsets = (matrices @ offsets.unsqueeze(-1)).squeeze(-1)
    still = grid.expand(len(driving), 1, *grid.shape)
    if background is not None:
        still = moved(still, background)
    return torch.cat((still, offsets + spread(source, rank)), dim=1)


def moved(points: Tensor, matrix: Tensor) -> Tensor:
    """Points (B, 1, *size, n) under homogeneous matrices (B, n + 1, n + 1)."""
    matrices = matrix.view(len(matrix), *[1] * (points.dim() - 2), *matrix.shape[1:])
    homogeneous = torch.cat((points, torch.ones_like(points[..., :1])), dim=-1)
    result: Tensor = (matrices @ homogeneous.unsqueeze(-1)).squeeze(-1)
    return result[..., :-1] / result[..., -1:]


def deformed(feature: Tensor, motions: Tensor, align_corners: bool = False) -> Tensor:
    """A feature (B, C, *size) sampled by each motion: (B, K + 1, C, *size)."""
    count = motions.shape[1]
    repeated = feature.unsqueeze(1).repeat(1, count, *[1] * (feature.dim() - 1)).flatten(0, 1)
    sampled = F.grid_sample(repeated, motions.flatten(0, 1), align_corners=align_corners)
    return sampled.view(-1, count, *feature.shape[1:])


def mixed(motions: Tensor, masks: Tensor) -> Tensor:
    """Σ_k m_k · motion_k: (B, *size, n)."""
    return (motions * masks.unsqueeze(-1)).sum(dim=1)


def resized(deformation: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """A deformation (B, *, n) of another size."""
    if tuple(deformation.shape[1:-1]) == tuple(size):
        return deformation
    mode = "bilinear" if len(size) == 2 else "trilinear"
    maps = deformation.movedim(-1, 1)
    return F.interpolate(maps, size=tuple(size), mode=mode, align_corners=align_corners).movedim(1, -1)


class Same(nn.Sequential):
    """Convolution, normalisation, rectification."""

    def __init__(self, rank: int, channels_in: int, channels: int, kernel: int = 3) -> None:
        convolution = CONVOLUTION[rank](channels_in, channels, kernel, padding=kernel // 2)
        super().__init__(convolution, NORM[rank](channels), nn.ReLU())


class Down(nn.Module):
    """The same, then half of height and width."""

    def __init__(self, rank: int, channels_in: int, channels: int) -> None:
        super().__init__()
        self.same = Same(rank, channels_in, channels)
        self.pool = nn.AvgPool2d(2) if rank == 2 else nn.AvgPool3d((1, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, *, H, W) → (B, channels, *, H / 2, W / 2)."""
        result: Tensor = self.pool(self.same(x))
        return result


class Up(nn.Module):
    """Twice height and width, then the same."""

    def __init__(self, rank: int, channels_in: int, channels: int) -> None:
        super().__init__()
        self.scale = (1.0, 2.0, 2.0)[3 - rank :]
        self.same = Same(rank, channels_in, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, *, H, W) → (B, channels, *, 2 H, 2 W)."""
        result: Tensor = self.same(F.interpolate(x, scale_factor=self.scale))
        return result


class Residual(nn.Module):
    """Normalisation, rectification, convolution, twice, and the input added."""

    def __init__(self, rank: int, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(NORM[rank](channels) for _ in range(2))
        self.convolutions = nn.ModuleList(CONVOLUTION[rank](channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """As many channels as it gets."""
        changed = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            changed = convolution(F.relu(norm(changed)))
        return x + changed


class Hourglass(nn.Module):
    """Levels down and up again, each joined with its counterpart.

    Args:
        rank: 2 or 3; depth is kept.
        channels_in: of the input.
        width: channels of the first level, doubled at each level.
        levels: how often height and width are halved.
        widest: no level has more channels.
    """

    def __init__(self, rank: int, channels_in: int, width: int, levels: int, widest: int) -> None:
        super().__init__()
        sizes = [channels_in, *(min(widest, width * 2 ** (level + 1)) for level in range(levels))]
        self.downs = nn.ModuleList(Down(rank, *pair) for pair in pairwise(sizes))
        ups, out_channels, channels = [], [sizes[-1]], sizes[-1]
        for level in reversed(range(levels)):
            narrow = min(widest, width * 2**level)
            ups.append(Up(rank, channels, narrow))
            channels = narrow + sizes[level]
            out_channels.append(channels)
        self.ups = nn.ModuleList(ups)
        self.out_channels = out_channels
        self.out_filters = channels

    def forward(self, x: Tensor, mode: int = 0) -> Tensor | list[Tensor]:
        """The finest level, or with mode 1 all levels on the way up."""
        seen = [x]
        for down in self.downs:
            seen.append(down(seen[-1]))
        result, levels = seen.pop(), []
        for up in self.ups:
            result = torch.cat((up(result), seen.pop()), dim=1)
            levels.append(result)
        return levels if mode == 1 else result


class AntiAliasInterpolation(nn.Module):
    """Blurs by a Gaussian and keeps every n-th point.

    Args:
        channels: of the image.
        scale: 1 / n.
    """

    weight: Tensor

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        sigma = (1 / scale - 1) / 2
        reach = round(4 * sigma)
        line = torch.exp(-torch.arange(-reach, reach + 1).square() / (2 * sigma**2))
        kernel = torch.outer(line, line)
        self.register_buffer("weight", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))
        self.ka = self.kb = reach
        self.groups, self.scale, self.int_inv_scale = channels, scale, round(1 / scale)

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H / n, W / n)."""
        blurred = F.conv2d(input, self.weight, padding=self.ka, groups=self.groups)
        return blurred[..., :: self.int_inv_scale, :: self.int_inv_scale]
