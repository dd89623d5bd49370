"""The 3D-aware warping module, coarse to fine."""

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from ptus.model.appearance import SEEN, Appearance
from ptus.model.composition import Motions, coarse_motions, displacement, joint_motions, local_motions
from ptus.model.config import ModelConfig
from ptus.model.deformation import FaceBodyMasks, MotionReader, SeenDepth
from ptus.model.eyes import EyeFlow
from ptus.model.face_flow import FaceFlow, LocalFlow
from ptus.model.hair import Hair
from ptus.model.layers import ConvBlock, ResBlock, doubled, identity_grid
from ptus.model.motion import Motion
from ptus.model.mouth import Mouth, without_opening
from ptus.model.openings import Openings
from ptus.model.prior import EXPRESSION_MAPS, expression_maps
from ptus_kernels import compose_motion, grid_sample_3d

SHOWN_AT_FIRST = 3.0  # logit of how much of a warped volume or picture is shown, before anything is learned


@dataclass(frozen=True)
class Warped:
    """A source's features where the driven frame has them.

    Args:
        features: the warped volume, its depth folded: (B, width, H, W).
        motion: what is known of the motion, (B, motion_width, H/2, W/2).
        expression: what the expression adds about the face's keypoints, (B, 3 K_f, H, W).
        openings: of eyes and mouth.
        farthest: how far the keypoint that moves farthest is from its place in the source, (B,).
        offset: where each point of the driven frame is seen in the source, from itself, without what moves within the
            face: (B, 2, H, W).
        face_flow: what moves there.
        deformation: of the volume, (B, D, H, W, 3).
        face_region: logits of the share that head and surroundings have in the motion, (B, 1, d, h, w); None without
            face–body decomposition.
    """

    features: Tensor
    motion: Tensor
    expression: Tensor
    openings: Openings
    farthest: Tensor
    offset: Tensor
    face_flow: FaceFlow
    deformation: Tensor
    face_region: Tensor | None


class _Fold(nn.Conv3d):
    """A warped volume (B, C, D, h, w) as feature maps (B, width, h, w)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.volume_channels, config.width, (config.volume_depth, 1, 1))

    def forward(self, volume: Tensor) -> Tensor:
        """As a convolution of maps, whose result has channels last at every size."""
        maps = rearrange(rearrange(volume, "b c d h w -> b h w (d c)"), "b h w n -> b n h w")
        return conv2d(maps, rearrange(self.weight, "n c d h w -> n (d c) h w"), self.bias)


class _WithinFace(nn.Module):
    """The fine level: what is known of the motion, joined by what the expression adds to it, and masks of that."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, keypoints = config.motion_width, config.estimated_face_keypoints
        self.join = ConvBlock(width + EXPRESSION_MAPS * keypoints, width, kernel=1)
        self.around = ResBlock(width)
        self.masks = FaceBodyMasks(width, 0, keypoints, 1)

    def forward(
        self, known: Tensor, local: tuple[Motions, Motions], source: Motion, driven: Motion, colours: Tensor
    ) -> tuple[Tensor, FaceFlow]:
        """Add the expression.

        Args:
            known: of the motion, (B, width, h, w).
            local: what the expression adds, in the source, and in the driven frame.
            source: the motion of the source.
            driven: the motion that is shown.
            colours: of the source, for the insides of mouths.

        Returns:
            The same, with what is known of the expression, and the flow within the face.
        """
        added, added_here = local
        told = expression_maps(added, driven, known.shape[2:]).to(known.dtype, memory_format=torch.channels_last)
        known = self.around(self.join(torch.cat((known, told), dim=1)))
        logits = self.masks(known, added, source, driven)[0].squeeze(2)
        if not self.config.parts_lids_and_lips:
            eyes = EyeFlow.between(source, driven, None) if self.config.reads_close_up else None
            return known, FaceFlow(LocalFlow(logits, added), eyes)
        return known, FaceFlow(
            LocalFlow(logits, without_opening(added, source)),
            EyeFlow.between(source, driven, added_here),
            Mouth.between(source, driven, added_here, colours),
        )


class Warping(nn.Module):
    """Moves a source's feature volume, coarse to fine.

    The coarse level composes a deformation of the volume from the motions of body and head. The fine one is what the
    expression adds to it within the face, which is as fine as the frame it is asked for: volume, features and picture
    are each seen through it at their own size. Without it all motions are composed at once, at the volume's size, as
    face-vid2vid does (Wang et al. 2021, sec. 3.2).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, depth = config.motion_width, config.mask_size[0]
        body = config.estimated_body_keypoints
        solid = config.coarse_to_fine and config.solid_head
        face = 1 if solid else config.estimated_face_keypoints
        self.read = MotionReader(body + int(config.has_surroundings) + face, SEEN, depth, width)
        self.masks = FaceBodyMasks(width, body, face, depth, config.face_body, config.has_surroundings)
        # Without head pose there is no expression apart from it.
        self.within_face = _WithinFace(config) if config.coarse_to_fine and config.local_global else None
        self.seen_depth = SeenDepth(width, config)
        self.occlusion = nn.Conv2d(width, 1, 3, padding=1)
        assert self.occlusion.bias is not None
        nn.init.constant_(self.occlusion.bias, SHOWN_AT_FIRST)
        self.fold = _Fold(config)

    def forward(self, appearance: Appearance, source: Motion, driven: Motion, hair: Hair | None) -> Warped:
        """Warp an appearance from the source's motion to the driven one; all of the same batch.

        Args:
            appearance: of the source.
            source: its motion.
            driven: the motion that is shown.
            hair: of the source, where the head has surroundings.
        """
        config = self.config
        motions = (coarse_motions if config.coarse_to_fine else joint_motions)(config, source, driven)
        known = self.read(appearance.seen, motions)
        logits, region = self.masks(known, motions, source, driven, hair)
        deformation = compose_motion(logits, motions.driving, motions.source, motions.jacobian, size=config.volume_size)
        local = local_motions(config, source, driven)
        face_flow = FaceFlow()
        if self.within_face is not None:
            known, face_flow = self.within_face(known, local, source, driven, appearance.colours)
        flow = self.seen_depth(known, deformation, driven)
        deformation = _added(deformation, face_flow)
        # All depths of a pixel side by side, as folding reads them.
        columns = rearrange(deformation, "b d h w n -> b h w d n")
        warped = rearrange(grid_sample_3d(appearance.volume, columns, align_corners=True), "b c h w d -> b c d h w")
        shown = doubled(self.occlusion(known)).sigmoid()
        return Warped(
            features=self.fold(warped) * shown,
            motion=known,
            expression=expression_maps(local[0], driven, config.volume_size[1:]),
            openings=Openings.between(local[1], source, driven, parted=face_flow.mouth is not None),
            farthest=displacement(source, driven),
            offset=rearrange(flow - identity_grid(flow.shape[1:3], flow), "b h w n -> b n h w"),
            face_flow=face_flow,
            deformation=deformation,
            face_region=region,
        )


def _added(deformation: Tensor, face_flow: FaceFlow) -> Tensor:
    """A deformation (B, D, H, W, 3) with what moves within the face, at every depth alike."""
    size = deformation.shape[2:4]
    added = face_flow.at(size, deformation) - identity_grid(size, deformation)
    return deformation + pad(added, (0, 1)).unsqueeze(-4)
