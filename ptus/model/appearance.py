"""The appearance encoder: what a source looks like, computed once."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, ResBlock3d

COARSE_SEEN, FINE_SEEN = 4, 2  # channels of the volumes that the networks behind a deformation look at
COLOURS_STRIDE = 8  # of the colours that drawing begins from: no lip is to be recognised in them
STRONGEST_COLOUR = 0.98  # and the weakest is as far from 0: a logit has to be finite


@dataclass(frozen=True)
class Appearance:
    """What rendering needs of a source.

    Args:
        volume: depth-aware features, (B, C, D, H, W).
        coarse_volume: the same at half the height and width; None where there is no coarse level.
        coarse_seen: compressed for the coarse level's network, (B, 4, D/2, H/2, W/2); None likewise.
        fine_seen: compressed for the fine level's network, (B, 2, D/2, H, W).
        skips: feature maps for the decoder, from coarse to fine, the last at the picture's own size.
        picture: the source itself, (B, 3, S, S), RGB in [0, 1], float32.
        colours: what drawing begins from: the source at an eighth of its side, as logits, (B, 3, S/8, S/8).
    """

    volume: Tensor
    coarse_volume: Tensor | None
    coarse_seen: Tensor | None
    fine_seen: Tensor
    skips: tuple[Tensor, ...]
    picture: Tensor
    colours: Tensor

    def expand(self, frames: int) -> "Appearance":
        """The appearance of one source for many frames, without a copy."""

        def expanded(tensor: Tensor) -> Tensor:
            return tensor.expand(frames, *tensor.shape[1:])

        return Appearance(
            expanded(self.volume),
            None if self.coarse_volume is None else expanded(self.coarse_volume),
            None if self.coarse_seen is None else expanded(self.coarse_seen),
            expanded(self.fine_seen),
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
        self.coarse_seen = nn.Conv3d(channels, COARSE_SEEN, 1) if config.coarse_to_fine else None
        self.fine_seen = nn.Conv3d(channels, FINE_SEEN, 1)

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
        halved = reduce(volume, "b c (d 2) h w -> b c d h w", "mean")
        coarse_volume = coarse_seen = None
        if self.coarse_seen is not None:
            coarse_volume = reduce(volume, "b c d (h 2) (w 2) -> b c d h w", "mean")
            coarse_volume = coarse_volume.contiguous(memory_format=torch.channels_last_3d)
            coarse_seen = self.coarse_seen(reduce(halved, "b c d (h 2) (w 2) -> b c d h w", "mean"))
        return Appearance(
            volume=volume,
            coarse_volume=coarse_volume,
            coarse_seen=coarse_seen,
            fine_seen=self.fine_seen(halved),
            skips=tuple(reversed(skips)),
            picture=picture,
            colours=_colours(picture),
        )


def _colours(picture: Tensor) -> Tensor:
    """Logits of a picture's colours, without its details."""
    means = avg_pool2d(picture, COLOURS_STRIDE).clamp(1 - STRONGEST_COLOUR, STRONGEST_COLOUR)
    return (means / (1 - means)).log()
