"""LivePortrait (Guo et al. 2024): face-vid2vid's warping with keypoints as tensors, and a SPADE decoder."""

from typing import Any

import torch
from torch import Tensor, nn

from ptus_kernels.grid_sample import grid_sample_3d
from ptus_kernels.integrations import face_vid2vid
from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.motion import Given
from ptus_kernels.integrations.swapping import Accelerated
from ptus_kernels.occlusion_blend import occlusion_blend

FAMILY = "LivePortrait"


class DenseMotion(face_vid2vid.DenseMotion):
    """Without jacobians."""

    def _motion(self, kp_driving: Any, kp_source: Any) -> tuple[Tensor, Tensor, None]:
        return kp_driving, kp_source, None


class Warping(Accelerated):
    """Warps the feature volume and projects it to a feature map."""

    dense_motion_network: nn.Module
    third: nn.Module
    fourth: nn.Module
    flag_use_occlusion_map: bool

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample a volume (B, C, D, H, W) at the points of a deformation."""
        return grid_sample_3d(inp, deformation, align_corners=self._ptus_align_corners)

    def forward(self, feature_3d: Tensor, kp_driving: Tensor, kp_source: Tensor) -> dict[str, Tensor | None]:
        """As the block's own."""
        motion = self.dense_motion_network(feature=feature_3d, kp_driving=kp_driving, kp_source=kp_source)
        occlusion, deformation = motion.get("occlusion_map"), motion["deformation"]
        warped = self.deform_input(feature_3d, deformation)
        projected = self.fourth(self.third(warped.flatten(1, 2)))
        if self.flag_use_occlusion_map and occlusion is not None:
            projected = occlusion_blend(projected, occlusion)
        return {"occlusion_map": occlusion, "deformation": deformation, "out": projected}


def _trial_of_dense_motion(block: Any) -> Trial:
    return face_vid2vid.trial_of_dense_motion(block, keypoints_in_mappings=False)


def _trial_of_warping(block: Any) -> Trial:
    channels, depth = 2, 3
    motion = {"deformation": 2.4 * torch.rand(2, depth, 5, 6, 3) - 1.2, "occlusion_map": torch.rand(2, 1, 5, 6)}
    modules = {
        "dense_motion_network": Given(motion),
        "third": nn.Conv2d(channels * depth, 5, 1),
        "fourth": nn.Conv2d(5, 5, 1),
    }
    call = {"feature_3d": torch.randn(2, channels, depth, 5, 6), "kp_driving": None, "kp_source": None}
    return Trial(modules, [("forward", call)])


BLOCKS = (
    Block(
        FAMILY,
        "dense motion",
        DenseMotion,
        {**face_vid2vid.DENSE_MOTION_PARTS, "flag_estimate_occlusion_map": bool},
        ("feature", "kp_driving", "kp_source"),
        face_vid2vid.DENSE_MOTION_CHAIN,
        _trial_of_dense_motion,
    ),
    Block(
        FAMILY,
        "warping",
        Warping,
        {
            "dense_motion_network": nn.Module,
            "third": nn.Module,
            "fourth": nn.Module,
            "flag_use_occlusion_map": bool,
        },
        ("feature_3d", "kp_driving", "kp_source"),
        ("forward", "deform_input"),
        _trial_of_warping,
    ),
)
