"""The 3D-aware warping module, coarse to fine."""

from dataclasses import dataclass

from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from ptus.model.appearance import COARSE_SEEN, FINE_SEEN, Appearance
from ptus.model.composition import coarse_motions, displacement, joint_motions, local_motions
from ptus.model.config import ModelConfig
from ptus.model.deformation import FaceBodyMasks, MotionReader, Refinement
from ptus.model.eyes import EyeFlow
from ptus.model.face_flow import FaceFlow, LocalFlow
from ptus.model.hair import Hair
from ptus.model.layers import doubled, identity_grid
from ptus.model.motion import Motion
from ptus.model.mouth import Mouth, without_opening
from ptus.model.openings import Openings
from ptus.model.prior import expression_maps
from ptus_kernels import compose_motion, grid_sample_3d, occlusion_blend, warp_blend

SHOWN_AT_FIRST = 3.0  # logit of how much of a warped volume or picture is shown, before anything is learned


@dataclass(frozen=True)
class Warped:
    """A source's features where the driven frame has them.

    Args:
        features: the warped volume, its depth folded: (B, width, H, W).
        motion: what the last level knows of the motion, (B, motion_width, H/2, W/2).
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


def _occlusion(width: int) -> nn.Conv2d:
    """From what is known of the motion (B, width, h, w) to logits of an occlusion map, (B, 1, h, w)."""
    convolution = nn.Conv2d(width, 1, 3, padding=1)
    assert convolution.bias is not None
    nn.init.constant_(convolution.bias, SHOWN_AT_FIRST)
    return convolution


class CoarseToFine(nn.Module):
    """Body and head at half the volume's side; then expression and residual flow at its full side.

    The fine result is blended with the coarse one by an occlusion map. Folding is linear and the same for both, so that
    folding first, which is cheaper, gives the same as blending volumes first.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, depth = config.motion_width, config.mask_size[0]
        body = config.estimated_body_keypoints
        face = 1 if config.solid_head else config.estimated_face_keypoints
        local = config.estimated_face_keypoints
        self.read_coarse = MotionReader(body + int(config.has_surroundings) + face, COARSE_SEEN, depth, width)
        self.coarse_masks = FaceBodyMasks(width, body, face, depth, config.face_body, config.has_surroundings)
        self.coarse_occlusion = _occlusion(width)
        self.read_fine = MotionReader(local, FINE_SEEN, depth, width, stride=2, beside=width)
        # Without head pose there is no expression apart from it, and the fine level adds the residual flow alone.
        self.local_masks = FaceBodyMasks(width, 0, local, 1) if config.local_global else None
        self.refinement = Refinement(width, config)
        self.fine_occlusion = _occlusion(width)
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
        assert appearance.coarse_seen is not None and appearance.coarse_volume is not None
        motions = coarse_motions(config, source, driven)
        coarse = self.read_coarse(appearance.coarse_seen, motions)
        logits, region = self.coarse_masks(coarse, motions, source, driven, hair)
        at_coarse = compose_motion(logits, motions.driving, motions.source, motions.jacobian, size=config.coarse_size)
        coarse_warped = warp_blend(
            appearance.coarse_volume, at_coarse, self.coarse_occlusion(coarse), sigmoid=True, align_corners=True
        )
        deformation = compose_motion(logits, motions.driving, motions.source, motions.jacobian, size=config.volume_size)

        local, local_seen = local_motions(config, source, driven)
        at_seen = compose_motion(
            logits, motions.driving, motions.source, motions.jacobian, size=appearance.fine_seen.shape[2:]
        )
        seen = grid_sample_3d(appearance.fine_seen, at_seen, padding_mode="border", align_corners=True)
        fine = self.read_fine(seen, local_seen, beside=coarse)
        farthest = displacement(source, driven)
        deformation, flow = self.refinement(fine, deformation, farthest, driven)
        face_flow = FaceFlow()
        if self.local_masks is not None:
            local_logits, _ = self.local_masks(fine, local, source, driven)
            if not config.parts_lids_and_lips:
                face_flow = FaceFlow(LocalFlow(local_logits.squeeze(2), local), _gaze(config, source, driven))
            else:
                face_flow = FaceFlow(
                    LocalFlow(local_logits.squeeze(2), without_opening(local, source)),
                    EyeFlow.between(source, driven, local_seen),
                    Mouth.between(source, driven, local_seen, appearance.colours),
                )
        deformation = _added(deformation, face_flow)

        # All depths of a pixel side by side, as folding reads them.
        columns = rearrange(deformation, "b d h w n -> b h w d n")
        fine_warped = rearrange(
            grid_sample_3d(appearance.volume, columns, align_corners=True), "b c h w d -> b c d h w"
        )
        features = occlusion_blend(
            self.fold(fine_warped), self.fine_occlusion(fine), doubled(self.fold(coarse_warped)), sigmoid=True
        )
        expression = expression_maps(local, driven, config.volume_size[1:])
        openings = Openings.between(local_seen, source, driven, parted=face_flow.mouth is not None)
        offset = _offset(flow)
        return Warped(features, fine, expression, openings, farthest, offset, face_flow, deformation, region)


class SingleLevel(nn.Module):
    """All motions composed at once at the volume's full side, as face-vid2vid does (Wang et al. 2021, sec. 3.2)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, depth = config.motion_width, config.mask_size[0]
        body, face = config.estimated_body_keypoints, config.estimated_face_keypoints
        self.read = MotionReader(body + int(config.has_surroundings) + face, FINE_SEEN, depth, width, stride=2)
        self.masks = FaceBodyMasks(width, body, face, depth, config.face_body, config.has_surroundings)
        self.refinement = Refinement(width, config)
        self.occlusion = _occlusion(width)
        self.fold = _Fold(config)

    def forward(self, appearance: Appearance, source: Motion, driven: Motion, hair: Hair | None) -> Warped:
        """As `CoarseToFine.forward`."""
        motions = joint_motions(self.config, source, driven)
        seen = self.read(appearance.fine_seen, motions)
        logits, region = self.masks(seen, motions, source, driven, hair)
        deformation = compose_motion(
            logits, motions.driving, motions.source, motions.jacobian, size=self.config.volume_size
        )
        farthest = displacement(source, driven)
        deformation, flow = self.refinement(seen, deformation, farthest, driven)
        face_flow = FaceFlow(eyes=_gaze(self.config, source, driven))
        deformation = _added(deformation, face_flow)
        warped = warp_blend(appearance.volume, deformation, self.occlusion(seen), sigmoid=True, align_corners=True)
        local, local_seen = local_motions(self.config, source, driven)
        expression = expression_maps(local, driven, self.config.volume_size[1:])
        openings = Openings.between(local_seen, source, driven)
        offset, folded = _offset(flow), self.fold(warped)
        return Warped(folded, seen, expression, openings, farthest, offset, face_flow, deformation, region)


def _gaze(config: ModelConfig, source: Motion, driven: Motion) -> EyeFlow | None:
    """What irises add where lids are moved with all else; None where nobody reads where eyes look."""
    return EyeFlow.between(source, driven, None) if config.reads_close_up else None


def _added(deformation: Tensor, face_flow: FaceFlow) -> Tensor:
    """A deformation (B, D, H, W, 3) with what moves within the face, at every depth alike."""
    size = deformation.shape[2:4]
    added = face_flow.at(size, deformation) - identity_grid(size, deformation)
    return deformation + pad(added, (0, 1)).unsqueeze(-4)


def _offset(flow: Tensor) -> Tensor:
    """Where points are seen (B, H, W, 2), from themselves: (B, 2, H, W)."""
    return rearrange(flow - identity_grid(flow.shape[1:3], flow), "b h w n -> b n h w")
