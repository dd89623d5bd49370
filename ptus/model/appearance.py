"""The appearance encoder: what a source looks like, computed once."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, ResBlock3d

SEEN = 4  # channels of the volume that the network behind a deformation looks at
COLOURS_STRIDE = 8  # of the colours that drawing begins from: no lip is to be recognised in them
STRONGEST_COLOUR = 0.98  # and the weakest is as far from 0: a logit has to be finite


@dataclass(frozen=True)
class Appearance:
    """What rendering needs of a source.

    Args:
        volume: depth-aware features, (B, C, D, H, W).
        seen: compressed for the network behind a deformation, (B, SEEN, D/2, H/2, W/2).
        skips: feature maps for the decoder, from coarse to fine, the last at the picture's own size.
        picture: the source itself, (B, 3, S, S), RGB in [0, 1], float32.
        colours: what drawing begins from: the source at an eighth of its side, as logits, (B, 3, S/8, S/8).
    """

    volume: Tensor
    seen: Tensor
    skips: tuple[Tensor, ...]
    picture: Tensor
    colours: Tensor

    def expand(self, frames: int) -> "Appearance":
        """The appearance of one source for many frames, without a copy."""

        def expanded(tensor: Tensor) -> Tensor:
            return tensor.expand(frames, *tensor.shape[1:])

        return Appearance(
            expanded(self.volume),
            expanded(self.seen),
            tuple(map(expanded, self.skips)),
            expanded(self.picture),
            expanded(self.colours),
        )


def skip_channels(config: ModelConfig) -> list[int]:
    """Channels of the skip features, from coarse to fine: half as many at twice the side, at least 16."""
    levels = (config.size // config.volume_side).bit_length() - 1
    return [max(config.width >> (level + 1), 16) for level in range(levels)]


class AppearanceEncoder(nn.Module):
    """Lifts a picture to a feature volume, and keeps feature maps of every size above it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.depth = config.volume_depth
        skips = skip_channels(config)[::-1]
        self.stem = ConvBlock(3, skips[0], kernel=7)
        widths = [*skips, config.width]
        self.down = nn.ModuleList(ConvBlock(fine, coarse, stride=2) for fine, coarse in pairwise(widths))
        self.refine = nn.Sequential(*(ResBlock(config.width) for _ in range(3)))
        channels = config.volume_channels
        self.lift = nn.Conv2d(config.width, channels * config.volume_depth, 1)
        self.shape = ResBlock3d(channels)
        self.seen = nn.Conv3d(channels, SEEN, 1)

    def forward(self, source: Tensor, picture: Tensor) -> Appearance:
        """Encode pictures.

        Args:
            source: (B, 3, S, S), RGB in [-1, 1], of the network's type.
            picture: the same, RGB in [0, 1], in float32, which is kept as it is.
        """
        features = self.stem(source)
        skips = [features]
        for down in self.down:
            features = down(features)
            skips.append(features)
        lifted = self.lift(self.refine(skips.pop()))
        volume = self.shape(rearrange(lifted, "b (c d) h w -> b c d h w", d=self.depth))
        volume = volume.to(memory_format=torch.channels_last_3d)
        return Appearance(
            volume=volume,
            seen=self.seen(reduce(volume, "b c (d 2) (h 2) (w 2) -> b c d h w", "mean")),
            skips=tuple(reversed(skips)),
            picture=picture,
            colours=_colours(picture),
        )


def _colours(picture: Tensor) -> Tensor:
    """Logits of a picture's colours, without its details."""
    means = avg_pool2d(picture, COLOURS_STRIDE).clamp(1 - STRONGEST_COLOUR, STRONGEST_COLOUR)
    return (means / (1 - means)).log()
