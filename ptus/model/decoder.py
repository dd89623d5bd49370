"""The decoder: from warped features to the picture; skip features, and in the end the source itself, are blended in."""

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ptus.model.above import CutOff
from ptus.model.appearance import Appearance, skip_channels
from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, bounded, doubled, precise
from ptus.model.openings import OPENING_MAPS
from ptus.model.prior import EXPRESSION_MAPS
from ptus.model.source_edges import mirrored, within_reach
from ptus.model.warping import SHOWN_AT_FIRST, Warped
from ptus_kernels import grid_sample_2d, warp_blend

LARGEST_SHOWN = 4.0  # logit of the source's share: beyond, what is drawn would no longer learn
HIDDEN = 8.0  # how much less that logit is where eyes, or mouths that nobody paints, open, and above a cut-off head


class _Level(nn.Module):
    """Twice the side: features and flow upsampled, the flow made finer, the source's own features where they are seen.

    Lids and lips are finer than the volume, whose points lie four pixels apart: a closed eye is a step in the flow,
    from above it to below.

    Args:
        channels_in: of the features.
        channels_out: of the features at twice the side.
        finer: whether the flow is made finer.
    """

    def __init__(self, channels_in: int, channels_out: int, *, finer: bool) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels_in, channels_out, 1)
        self.outputs = [1, 2 * int(finer)]
        self.shown_and_flow = nn.Conv2d(channels_out, sum(self.outputs), 3, padding=1)
        with torch.no_grad():
            for parameter in self.shown_and_flow.parameters():
                parameter[1:] = 0
        self.refine = ConvBlock(channels_out, channels_out)

    def forward(
        self, features: Tensor, skip: Tensor, offset: Tensor, hidden: Tensor, warped: Warped
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw a level.

        Args:
            features: (B, C, H, W).
            skip: the source's, (B, C', 2H, 2W).
            offset: where points are seen in the source, from themselves, without what moves within the
                face: (B, 2, H, W).
            hidden: by how much less the source is shown, as a logit, (B, 1, 2H, 2W).
            warped: what knows of that, and how far a residual flow may reach.

        Returns:
            Features (B, C', 2H, 2W), the offset (B, 2, 2H, 2W), and where points are seen, (B, 2H, 2W, 2).
        """
        features = doubled(self.narrow(features))
        # A plane each: of planes that alternate point by point PyTorch computes no vectors.
        shown, residual = self.shown_and_flow(features).contiguous().split(self.outputs, dim=1)
        side, offset = offset.shape[-1], _finer(offset)
        if residual.shape[1]:
            # Within a point of the level before: what is farther is for that one to say.
            reach = warped.farthest.clamp(max=2 / (side - 1))
            offset = offset + precise(residual).tanh() * reach[:, None, None, None]
        size = skip.shape[2:]
        seen_at = warped.face_flow.at(size, offset) + rearrange(offset, "b n h w -> b h w n")
        shown = bounded(shown, LARGEST_SHOWN) - hidden.to(shown.dtype)
        blended = warp_blend(skip, seen_at, shown, features, sigmoid=True, align_corners=True)
        return self.refine(blended), offset, seen_at


class Decoder(nn.Module):
    """Residual blocks at the volume's side, then a level for each doubling up to the picture's.

    What the source shows is taken from it, warped; what it does not is drawn: o · warped source + (1 - o) · drawn.
    Drawing begins from colours of the source, warped too, so that the inside of a mouth is as warm as its lips.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        beside = config.motion_width + EXPRESSION_MAPS * config.estimated_face_keypoints + OPENING_MAPS
        self.join = ConvBlock(config.width + beside, config.width, kernel=1)
        # Of twice as many, once trained, half could be left out, the rest fitted anew: the same pictures within 0.005.
        self.refine = ResBlock(config.width, hidden=config.width // 2)
        widths = [config.width, *skip_channels(config)]
        self.levels = nn.ModuleList(
            _Level(before, after, finer=config.coarse_to_fine) for before, after in pairwise(widths)
        )
        self.picture_and_shown = nn.Conv2d(widths[-1], 3 + 1, 3, padding=1)
        nn.init.constant_(cast(Tensor, self.picture_and_shown.bias)[3:], SHOWN_AT_FIRST)

    def forward(
        self, warped: Warped, appearance: Appearance, cut_off: CutOff | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw pictures.

        Args:
            warped: the source's features where the driven frame has them.
            appearance: of the source.
            cut_off: hair above its upper edge, and what is behind; None: the first row is drawn out.

        Returns:
            Pictures (B, 3, S, S), RGB in [0, 1], the same as drawn, without the source blended in, logits of the
            source's share, (B, 1, S, S), and where each point is seen in the source, (B, S, S, 2).
        """
        told = (warped.expression, warped.openings.at(warped.features.shape[2:]))
        # All with channels last: of mixed formats the sum of their channels would have to be laid out once more.
        beside = [maps.to(warped.features.dtype, memory_format=torch.channels_last) for maps in told]
        joined = torch.cat((warped.features, doubled(warped.motion), *beside), dim=1)
        features, offset = self.refine(self.join(joined)), warped.offset
        for level, skip in zip(self.levels, appearance.skips, strict=True):
            hidden = HIDDEN * warped.openings.new(skip.shape[2:])
            features, offset, seen_at = level(features, skip, offset, hidden, warped)
        drawn, shown = precise(self.picture_and_shown(features)).split((3, 1), dim=1)
        places = mirrored(within_reach(seen_at), appearance.picture.shape[-1])
        # Not the corners: a colour is the mean of a cell, and stands for its middle.
        colours = grid_sample_2d(appearance.colours, places, padding_mode="border", align_corners=False)
        if cut_off is not None and cut_off.is_passed(seen_at):
            behind, above = cut_off.behind(seen_at, appearance.colours)
            colours, hidden = torch.lerp(colours, behind, above), hidden + HIDDEN * above
        drawn = (drawn + colours).sigmoid()
        shown = bounded(shown, LARGEST_SHOWN)
        of_source = warped.openings.of_source
        if of_source is not None:
            shown = torch.lerp(shown, torch.full_like(shown, LARGEST_SHOWN), of_source.on(shown.shape[2:]))
        shown = shown - hidden
        pictures = warp_blend(
            appearance.picture, places, shown, drawn, sigmoid=True, padding_mode="border", align_corners=True
        )

        def look(at: Tensor) -> Tensor:
            return grid_sample_2d(appearance.picture, at, padding_mode="border", align_corners=True)

        return warped.face_flow.finish(pictures, places, shown.sigmoid(), look), drawn, shown, seen_at


def _finer(offset: Tensor) -> Tensor:
    """(B, 2, H, W) → (B, 2, 2H, 2W), a plane each: with the two side by side PyTorch takes several times as long."""
    return F.interpolate(offset.contiguous(), scale_factor=2.0, mode="bilinear", align_corners=True)
