"""A dense-motion network written the way the field writes it, and the same network calling the fused ops.

After face-vid2vid (Wang et al. 2021), section 3.2, small. `DenseMotion` is plain PyTorch; `FusedDenseMotion` has its
layers and parameters and another `forward`. Both sample with align_corners=False on a grid whose end points are -1 and
1, as the published models do.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptus_kernels import compose_motion, motion_features, warp_blend


def identity_grid(size: Sequence[int], like: Tensor) -> Tensor:
    """Coordinates (x, y, z) of the voxels of a volume (D, H, W), end points included: (D, H, W, 3)."""
    z, y, x = torch.meshgrid(
        *(torch.linspace(-1, 1, n, dtype=like.dtype, device=like.device) for n in size), indexing="ij"
    )
    return torch.stack((x, y, z), dim=-1)


def gaussian(keypoints: Tensor, size: Sequence[int], variance: float) -> Tensor:
    """A heatmap around each keypoint: (B, K, 3) → (B, K, D, H, W)."""
    offsets = identity_grid(size, keypoints) - keypoints[:, :, None, None, None]
    return torch.exp(-0.5 * (offsets**2).sum(-1) / variance)


def sparse_motions(kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, size: Sequence[int]) -> Tensor:
    """Where each keypoint's motion finds the source of each voxel, the background's first: (B, K + 1, D, H, W, 3)."""
    grid = identity_grid(size, kp_driving)
    motions = grid - kp_driving[:, :, None, None, None]
    if jacobian is not None:
        motions = torch.matmul(jacobian[:, :, None, None, None], motions.unsqueeze(-1)).squeeze(-1)
    motions = motions + kp_source[:, :, None, None, None]
    background = grid.repeat(kp_driving.shape[0], 1, 1, 1, 1, 1)
    return torch.cat((background, motions), dim=1)


def motion_input(
    feature: Tensor, kp_driving: Tensor, kp_source: Tensor, motions: Tensor, variance: float = 0.01
) -> Tensor:
    """Heatmap differences and the feature deformed by each motion: (B, (K + 1)(C + 1), D, H, W)."""
    batch, channels, *size = feature.shape
    count = motions.shape[1]
    repeated = feature.unsqueeze(1).repeat(1, count, 1, 1, 1, 1)
    deformed = F.grid_sample(repeated.flatten(0, 1), motions.flatten(0, 1), align_corners=False)
    heatmaps = gaussian(kp_driving, size, variance) - gaussian(kp_source, size, variance)
    heatmaps = torch.cat((torch.zeros_like(heatmaps[:, :1]), heatmaps), dim=1)
    return torch.cat((heatmaps.unsqueeze(2), deformed.view(batch, count, channels, *size)), dim=2).flatten(1, 2)


class Block(nn.Sequential):
    """Convolution, normalisation, rectification."""

    def __init__(self, channels_in: int, channels_out: int, size: int = 3) -> None:
        convolution = nn.Conv3d(channels_in, channels_out, size, padding=size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm3d(channels_out), nn.ReLU())


class Hourglass(nn.Module):
    """Two levels down (height and width only), two up, with skip connections; the input comes out again beside."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.down1 = Block(channels, width)
        self.down2 = Block(width, 2 * width)
        self.up2 = Block(2 * width, width)
        self.up1 = Block(2 * width, width)
        self.channels = width + channels

    def forward(self, volume: Tensor) -> Tensor:
        """(B, channels, D, H, W) → (B, width + channels, D, H, W); H and W multiples of 4."""
        half = F.avg_pool3d(self.down1(volume), (1, 2, 2))
        quarter = F.avg_pool3d(self.down2(half), (1, 2, 2))
        up = torch.cat((self.up2(F.interpolate(quarter, scale_factor=(1.0, 2.0, 2.0))), half), dim=1)
        return torch.cat((self.up1(F.interpolate(up, scale_factor=(1.0, 2.0, 2.0))), volume), dim=1)


class DenseMotion(nn.Module):
    """Warps a feature volume by the motion of its keypoints; every intermediate is written to memory.

    Args:
        keypoints: how many, K.
        channels: of the feature volume, C.
        depth: of the feature volume, D.
        compressed: channels the volume has while every keypoint warps it.
        width: of the hourglass.
    """

    def __init__(
        self, keypoints: int = 21, channels: int = 32, depth: int = 16, compressed: int = 4, width: int = 16
    ) -> None:
        super().__init__()
        self.compress = Block(channels, compressed, size=1)
        self.hourglass = Hourglass((keypoints + 1) * (compressed + 1), width)
        self.mask = nn.Conv3d(self.hourglass.channels, keypoints + 1, 3, padding=1)
        self.occlusion = nn.Conv2d(self.hourglass.channels * depth, 1, 3, padding=1)

    def forward(self, feature: Tensor, kp_driving: Tensor, kp_source: Tensor) -> Tensor:
        """(B, C, D, H, W) and two (B, K, 3) → (B, C, D, H, W)."""
        motions = sparse_motions(kp_driving, kp_source, None, feature.shape[2:])
        seen = self.hourglass(motion_input(self.compress(feature), kp_driving, kp_source, motions))

        mask = self.mask(seen).softmax(dim=1)
        deformation = (motions.permute(0, 1, 5, 2, 3, 4) * mask.unsqueeze(2)).sum(dim=1).permute(0, 2, 3, 4, 1)

        occlusion = torch.sigmoid(self.occlusion(seen.flatten(1, 2)))
        warped = F.grid_sample(feature, deformation, align_corners=False)
        return warped * occlusion.unsqueeze(2)


class FusedDenseMotion(DenseMotion):
    """The same network, with neither sparse motions, nor repeated features, nor masks in memory."""

    def forward(self, feature: Tensor, kp_driving: Tensor, kp_source: Tensor) -> Tensor:
        """As `DenseMotion.forward`."""
        seen = self.hourglass(motion_features(self.compress(feature), kp_driving, kp_source))
        deformation = compose_motion(self.mask(seen), kp_driving, kp_source)
        return warp_blend(feature, deformation, self.occlusion(seen.flatten(1, 2)), sigmoid=True)
