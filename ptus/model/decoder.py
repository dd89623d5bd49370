"""The decoder: from warped features to the picture, with skip features blended in where the source shows them."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ptus.model.appearance import skip_channels
from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, doubled, precise
from ptus.model.warping import Warped
from ptus_kernels import warp_blend


class _Level(nn.Module):
    """Twice the side: features upsampled, then the source's own of this size where they are seen."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels_in, channels_out, 1)
        self.occlusion = nn.Conv2d(channels_out, 1, 3, padding=1)
        self.refine = ConvBlock(channels_out, channels_out)

    def forward(self, features: Tensor, skip: Tensor, flow: Tensor) -> Tensor:
        """(B, C, H, W), skip (B, C', 2H, 2W) and flow (B, 2H, 2W, 2) → (B, C', 2H, 2W)."""
        features = doubled(self.narrow(features))
        occlusion = self.occlusion(features)
        refined: Tensor = self.refine(warp_blend(skip, flow, occlusion, features, sigmoid=True, align_corners=True))
        return refined


class Decoder(nn.Module):
    """Residual blocks at the volume's side, then a level for each doubling up to the picture's."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.join = ConvBlock(config.width + config.motion_width, config.width, kernel=1)
        self.refine = ResBlock(config.width)
        widths = [config.width, *skip_channels(config)]
        self.levels = nn.ModuleList(_Level(before, after) for before, after in pairwise(widths))
        self.picture = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, warped: Warped, skips: tuple[Tensor, ...]) -> Tensor:
        """Draw pictures.

        Args:
            warped: the source's features where the driven frame has them.
            skips: the source's skip features, from coarse to fine.

        Returns:
            (B, 3, S, S), RGB in [0, 1].
        """
        features = self.refine(self.join(torch.cat((warped.features, doubled(warped.motion)), dim=1)))
        flow = rearrange(warped.flow, "b h w n -> b n h w")
        for level, skip in zip(self.levels, skips, strict=True):
            flow = F.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=True)
            features = level(features, skip, rearrange(flow, "b n h w -> b h w n"))
        return torch.sigmoid(precise(self.picture(features)))
