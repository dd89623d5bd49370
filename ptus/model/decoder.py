"""The decoder: from warped features to the picture; skip features, and in the end the source itself, are blended in."""

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ptus.model.appearance import Appearance, skip_channels
from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, doubled, precise
from ptus.model.warping import Warped
from ptus_kernels import warp_blend

SHOWN_AT_FIRST = 3.0  # logit of the source's share in the picture: an untrained model warps what it is given


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
    """Residual blocks at the volume's side, then a level for each doubling up to the picture's.

    What the source shows is taken from it, warped; what it does not is drawn: o · warped source + (1 - o) · drawn.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.join = ConvBlock(config.width + config.motion_width, config.width, kernel=1)
        self.refine = ResBlock(config.width)
        widths = [config.width, *skip_channels(config)]
        self.levels = nn.ModuleList(_Level(before, after) for before, after in pairwise(widths))
        self.picture = nn.Conv2d(widths[-1], 3, 3, padding=1)
        self.shown = nn.Conv2d(widths[-1], 1, 3, padding=1)
        nn.init.constant_(cast(Tensor, self.shown.bias), SHOWN_AT_FIRST)

    def forward(self, warped: Warped, appearance: Appearance) -> Tensor:
        """Draw pictures.

        Args:
            warped: the source's features where the driven frame has them.
            appearance: of the source.

        Returns:
            (B, 3, S, S), RGB in [0, 1].
        """
        features = self.refine(self.join(torch.cat((warped.features, doubled(warped.motion)), dim=1)))
        flow = warped.flow
        for level, skip in zip(self.levels, appearance.skips, strict=True):
            flow = _finer(flow)
            features = level(features, skip, flow)
        drawn = torch.sigmoid(precise(self.picture(features)))
        return warp_blend(
            appearance.picture,
            flow,
            precise(self.shown(features)),
            drawn,
            sigmoid=True,
            padding_mode="border",
            align_corners=True,
        )


def _finer(flow: Tensor) -> Tensor:
    """(B, H, W, 2) → (B, 2H, 2W, 2)."""
    planes = rearrange(flow, "b h w n -> b n h w")
    finer = F.interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=True)
    return rearrange(finer, "b n h w -> b h w n")
