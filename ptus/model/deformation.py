"""The network behind a deformation: it sees what each motion would do, and says where which one holds."""

import torch
from einops import rearrange
from torch import Tensor, nn

from ptus.model.composition import Motions, joined_logits
from ptus.model.config import ModelConfig
from ptus.model.hair import Hair
from ptus.model.layers import ConvBlock, ResBlock, bounded, doubled, precise
from ptus.model.motion import Motion
from ptus.model.prior import BACKGROUND, BODY_REACH, face_nearness, head_and_place, head_region, head_surface, nearness
from ptus_kernels import motion_features

LARGEST_REGION = 0.5  # how far the logits of head and surroundings may leave the prior: rims are moved, no head is torn


class MotionReader(nn.Module):
    """Features of what motions do to a compressed volume, its depth folded into channels.

    Args:
        motions: how many, K.
        seen: channels of the volume.
        depth: of the volume.
        width: channels of the features.
    """

    def __init__(self, motions: int, seen: int, depth: int, width: int) -> None:
        super().__init__()
        self.fold = ConvBlock((motions + 1) * (seen + 1) * depth, width, kernel=1)
        self.around = ResBlock(width)
        self.down = nn.Sequential(ConvBlock(width, 2 * width, stride=2), ResBlock(2 * width))
        self.up = ConvBlock(2 * width, width, kernel=1)

    def forward(self, volume: Tensor, motions: Motions) -> Tensor:
        """Read the motions of a compressed volume (B, seen, d, h, w): (B, width, h, w)."""
        motions_seen = motion_features(volume, motions.driving, motions.source, motions.jacobian, align_corners=True)
        features = self.fold(rearrange(motions_seen, "b c d h w -> b (c d) h w"))
        features = features.contiguous(memory_format=torch.channels_last)
        features = self.around(features)
        wider: Tensor = self.up(self.down(features))
        seen: Tensor = features + doubled(wider)
        return seen


class FaceBodyMasks(nn.Module):
    """Logits of the masks of the background, the body's motions, the head's surroundings and the face's motions.

    Args:
        width: channels of the features.
        body: motions of the body, K_b.
        face: motions of the face.
        depth: of the masks.
        with_region: whether face and body are shared by a face region; if not, all masks compete freely.
        surroundings: whether the head's are a motion, between those of body and face.
    """

    def __init__(
        self, width: int, body: int, face: int, depth: int, with_region: bool = False, surroundings: bool = False
    ) -> None:
        super().__init__()
        assert with_region or not surroundings
        self.groups = [1 + body, int(surroundings), face, int(with_region)]
        self.depth = depth
        self.logits = nn.Conv2d(width, sum(self.groups) * depth, 3, padding=1)

    def forward(
        self, features: Tensor, motions: Motions, source: Motion, driven: Motion, hair: Hair | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Share a level's points among its motions.

        Args:
            features: (B, width, h, w).
            motions: of the body, of the head's surroundings where they have one, then of the face.
            source: the motion they lead to.
            driven: the motion they are of.
            hair: of the source, where its head has surroundings; None: as long as it mostly is at most.

        Returns:
            Logits (B, 1 + K, d, h, w), and those of the face region (B, 1, d, h, w), where there is one: the head, and
            the place that it has left, which its surroundings fill.
        """
        logits = precise(rearrange(self.logits(features), "b (k d) h w -> b k d h w", d=self.depth))
        size = logits.shape[2:]
        body, around, face, region = logits.split(self.groups, dim=1)
        body_at, _, face_at = motions.driving.split((self.groups[0] - 1, *self.groups[1:3]), dim=1)
        still = body.new_full((), BACKGROUND).expand(len(body), 1, *size)
        body = body + torch.cat((still, nearness(body_at, BODY_REACH, size)), dim=1)
        face = face + face_nearness(face_at, driven, size)
        if not region.shape[1]:
            return torch.cat((body, face), dim=1), None
        region, around = bounded(region, LARGEST_REGION), bounded(around, LARGEST_REGION)
        if not around.shape[1]:
            region = region + head_region(driven, size)
            return joined_logits(body, face, region), region
        head, head_and_left = head_and_place(source, driven, size, hair)
        face = joined_logits(torch.zeros_like(around), face, head - around)
        region = region + head_and_left
        return joined_logits(body, face, region), region


class SeenDepth(nn.Module):
    """How much each depth of a volume shows, and so where what is seen comes from.

    Args:
        width: channels of the features.
        config: of the model.
    """

    def __init__(self, width: int, config: ModelConfig) -> None:
        super().__init__()
        self.head_known = config.face_body
        self.depths = nn.Conv2d(width, config.volume_depth, 3, padding=1)

    def forward(self, features: Tensor, deformation: Tensor, driven: Motion) -> Tensor:
        """The flow of what is seen.

        Args:
            features: (B, width, H/2, W/2).
            deformation: of the volume, (B, D, H, W, 3).
            driven: the motion it is of.

        Returns:
            (B, H, W, 2): the deformation's x and y, averaged over depth.
        """
        depths = precise(self.depths(features))
        if self.head_known:
            depths = depths + head_surface(driven, depths.shape[1:])
        shares = doubled(depths).softmax(dim=1)
        flow: Tensor = (shares.unsqueeze(-1) * deformation[..., :2]).sum(dim=1)
        return flow
