"""face-vid2vid (Wang et al. 2021): a feature volume, warped by 3-D keypoints, with and without jacobians."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptus_kernels.compose_motion import compose_motion
from ptus_kernels.grid_sample import grid_sample_3d
from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.keypoint_detector import SoftArgmaxDetector, soft_argmax_detector
from ptus_kernels.integrations.motion import (
    Given,
    as_mappings,
    driving_to_source,
    moved_keypoints,
    near_identity,
    resized,
)
from ptus_kernels.integrations.swapping import Accelerated
from ptus_kernels.motion_features import motion_features
from ptus_kernels.occlusion_blend import occlusion_blend

FAMILY = "face-vid2vid"
NONE = type(None)


class DenseMotion(Accelerated):
    """Section 3.2: the hourglass's input from one op, the deformation from another."""

    compress: nn.Module
    norm: nn.Module
    hourglass: nn.Module
    mask: nn.Module
    occlusion: nn.Module | None

    def forward(self, feature: Tensor, kp_driving: Any, kp_source: Any) -> dict[str, Tensor]:
        """As the block's own, without sparse motions or repeated features in memory."""
        driving, source, jacobian = self._motion(kp_driving, kp_source)
        compressed = F.relu(self.norm(self.compress(feature)))
        seen = motion_features(compressed, driving, source, jacobian, align_corners=self._ptus_align_corners)
        prediction = self.hourglass(seen)
        logits = self.mask(prediction)
        found = {
            "mask": F.softmax(logits, dim=1),
            "deformation": compose_motion(logits, driving, source, jacobian),
        }
        if self.occlusion is not None:
            found["occlusion_map"] = torch.sigmoid(self.occlusion(prediction.flatten(1, 2)))
        return found

    def _motion(self, kp_driving: Any, kp_source: Any) -> tuple[Tensor, Tensor, Tensor | None]:
        """Driving and source keypoints, and the jacobian, if there is one."""
        jacobian = None
        if kp_driving.get("jacobian") is not None:
            jacobian = driving_to_source(kp_source["jacobian"], kp_driving["jacobian"])
        return kp_driving["value"], kp_source["value"], jacobian


class Generator(Accelerated):
    """Section 3.2, warping and decoding by 2-D blocks."""

    dense_motion_network: nn.Module
    first: nn.Module
    down_blocks: nn.ModuleList
    second: nn.Module
    reshape_channel: int
    reshape_depth: int
    resblocks_3d: nn.Module
    third: nn.Module
    fourth: nn.Module

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample a volume (B, C, D, H, W) at the points of a deformation, which may be of another size."""
        points = resized(deformation, inp.shape[2:], align_corners=False)
        return grid_sample_3d(inp, points, align_corners=self._ptus_align_corners)

    def forward(self, source_image: Tensor, kp_driving: Any, kp_source: Any) -> dict[str, Tensor]:
        """As the block's own."""
        encoded = self.first(source_image)
        for block in self.down_blocks:
            encoded = block(encoded)
        volume = self.second(encoded).unflatten(1, (self.reshape_channel, self.reshape_depth))
        volume = self.resblocks_3d(volume)

        motion = self.dense_motion_network(feature=volume, kp_driving=kp_driving, kp_source=kp_source)
        shown = {name: motion[name] for name in ("mask", "occlusion_map") if name in motion}
        warped = self.deform_input(volume, motion["deformation"])
        projected = self.fourth(self.third(warped.flatten(1, 2)))
        if "occlusion_map" in motion:
            projected = occlusion_blend(projected, motion["occlusion_map"])
        return {**shown, "prediction": self._decode(projected)}

    def _decode(self, feature: Tensor) -> Tensor:
        decoded = self.resblocks_2d(feature)
        for block in self.up_blocks:
            decoded = block(decoded)
        return torch.sigmoid(self.final(decoded))

    resblocks_2d: nn.Module
    up_blocks: nn.ModuleList
    final: nn.Module


class SpadeGenerator(Generator):
    """The same with a SPADE decoder."""

    decoder: nn.Module

    def _decode(self, feature: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(feature)
        return decoded


class KeypointDetector(SoftArgmaxDetector):
    """Section 3.1: canonical keypoints and their jacobians."""

    rank = 3


def trial_of_dense_motion(block: Any, *, keypoints_in_mappings: bool = True) -> Trial:
    """A dense-motion block of three channels and two, on a volume of 3 × 5 × 6."""
    count, depth = block.num_kp, 3
    modules: dict[str, nn.Module] = {
        "compress": nn.Conv3d(3, 2, 1),
        "norm": nn.BatchNorm3d(2),
        "hourglass": nn.Conv3d((count + 1) * 3, 4, 3, padding=1),
        "mask": nn.Conv3d(4, count + 1, 1),
    }
    if block.occlusion is not None:
        modules["occlusion"] = nn.Conv2d(4 * depth, 1, 1)
    driving, source = moved_keypoints(count, 3)
    feature = torch.randn(2, 3, depth, 5, 6)
    if not keypoints_in_mappings:
        return Trial(modules, [("forward", {"feature": feature, "kp_driving": driving, "kp_source": source})])
    plain = dict(zip(("kp_driving", "kp_source"), as_mappings(driving, source), strict=True))
    turned = {name: {**given, "jacobian": near_identity(count, 3)} for name, given in plain.items()}
    return Trial(modules, [("forward", {"feature": feature, **given}) for given in (plain, turned)])


def _trial_of_generator(block: Any) -> Trial:
    channels, depth = 2, 3
    motion = {"mask": torch.rand(2, 4, 2, 3, 3), "deformation": 2.4 * torch.rand(2, 2, 3, 3, 3) - 1.2}
    modules: dict[str, nn.Module] = {
        "dense_motion_network": Given({**motion, "occlusion_map": torch.rand(2, 1, 3, 3)}),
        "first": nn.Conv2d(3, 4, 3, padding=1),
        "down_blocks": nn.ModuleList([nn.AvgPool2d(2)]),
        "second": nn.Conv2d(4, channels * depth, 1),
        "resblocks_3d": nn.Conv3d(channels, channels, 3, padding=1),
        "third": nn.Conv2d(channels * depth, 5, 1),
        "fourth": nn.Conv2d(5, 5, 1),
    }
    if isinstance(getattr(block, "decoder", None), nn.Module):
        modules["decoder"] = nn.Conv2d(5, 3, 1)
    else:
        modules["resblocks_2d"] = nn.Conv2d(5, 5, 1)
        modules["up_blocks"] = nn.ModuleList([nn.Upsample(scale_factor=2)])
        modules["final"] = nn.Conv2d(5, 3, 1)
    call = {"source_image": torch.rand(2, 3, 8, 10), "kp_driving": None, "kp_source": None}
    sizes = {"reshape_channel": channels, "reshape_depth": depth}
    return Trial(modules, [("forward", call)], sizes)


DENSE_MOTION_PARTS: dict[str, type | tuple[type, ...]] = {
    "hourglass": nn.Module,
    "mask": nn.Conv3d,
    "compress": nn.Conv3d,
    "norm": nn.Module,
    "occlusion": (nn.Conv2d, NONE),
    "num_kp": int,
}
DENSE_MOTION_CHAIN = (
    "forward",
    "create_sparse_motions",
    "create_deformed_feature",
    "create_heatmap_representations",
)
_GENERATOR_PARTS: dict[str, type | tuple[type, ...]] = {
    "dense_motion_network": nn.Module,
    "first": nn.Module,
    "down_blocks": nn.ModuleList,
    "second": nn.Module,
    "resblocks_3d": nn.Module,
    "third": nn.Module,
    "fourth": nn.Module,
    "reshape_channel": int,
    "reshape_depth": int,
}
BLOCKS = (
    Block(
        FAMILY,
        "dense motion",
        DenseMotion,
        DENSE_MOTION_PARTS,
        ("feature", "kp_driving", "kp_source"),
        DENSE_MOTION_CHAIN,
        trial_of_dense_motion,
        absent=("flag_estimate_occlusion_map",),
    ),
    Block(
        FAMILY,
        "generator",
        Generator,
        {**_GENERATOR_PARTS, "resblocks_2d": nn.Module, "up_blocks": nn.ModuleList, "final": nn.Module},
        ("source_image", "kp_driving", "kp_source"),
        ("forward", "deform_input"),
        _trial_of_generator,
    ),
    Block(
        FAMILY,
        "generator with SPADE",
        SpadeGenerator,
        {**_GENERATOR_PARTS, "decoder": nn.Module},
        ("source_image", "kp_driving", "kp_source"),
        ("forward", "deform_input"),
        _trial_of_generator,
    ),
    soft_argmax_detector(FAMILY, KeypointDetector),
)
