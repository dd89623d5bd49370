"""first-order-model (Siarohin et al. 2019): an image's features, warped by 2-D keypoints and their jacobians."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptus_kernels.compose_motion import compose_motion
from ptus_kernels.grid_sample import grid_sample_2d
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
from ptus_kernels.warp_blend import warp_blend

FAMILY = "first-order-model"


class DenseMotion(Accelerated):
    """Section 3.2: the hourglass's input from one op, the deformation from another."""

    hourglass: nn.Module
    mask: nn.Module
    occlusion: nn.Module | None
    scale_factor: float
    down: nn.Module
    kp_variance: float

    def forward(self, source_image: Tensor, kp_driving: Any, kp_source: Any) -> dict[str, Tensor]:
        """As the block's own; "sparse_deformed" is a view of what the hourglass read."""
        image = self.down(source_image) if self.scale_factor != 1 else source_image
        driving, source, jacobian = kp_driving["value"], kp_source["value"], None
        if "jacobian" in kp_driving:
            jacobian = driving_to_source(kp_source["jacobian"], kp_driving["jacobian"])
        seen = motion_features(
            image,
            driving,
            source,
            jacobian,
            kp_variance=self.kp_variance,
            align_corners=self._ptus_align_corners,
        )
        prediction = self.hourglass(seen)
        logits = self.mask(prediction)
        found = {
            "sparse_deformed": seen.unflatten(1, (-1, image.shape[1] + 1))[:, :, 1:],
            "mask": F.softmax(logits, dim=1),
            "deformation": compose_motion(logits, driving, source, jacobian),
        }
        if self.occlusion is not None:
            found["occlusion_map"] = torch.sigmoid(self.occlusion(prediction))
        return found


class Generator(Accelerated):
    """Section 3.3: encoder, warp with occlusion in one op, decoder."""

    dense_motion_network: nn.Module
    first: nn.Module
    down_blocks: nn.ModuleList
    bottleneck: nn.Module
    up_blocks: nn.ModuleList
    final: nn.Module

    def deform_input(self, inp: Tensor, deformation: Tensor) -> Tensor:
        """Sample an image (B, C, H, W) at the points of a deformation, which may be of another size."""
        points = resized(deformation, inp.shape[2:], align_corners=False)
        return grid_sample_2d(inp, points, align_corners=self._ptus_align_corners)

    def forward(self, source_image: Tensor, kp_driving: Any, kp_source: Any) -> dict[str, Tensor]:
        """As the block's own."""
        feature = self.first(source_image)
        for block in self.down_blocks:
            feature = block(feature)
        motion = self.dense_motion_network(source_image=source_image, kp_driving=kp_driving, kp_source=kp_source)
        shown = {name: motion[name] for name in ("mask", "sparse_deformed", "occlusion_map") if name in motion}
        points = resized(motion["deformation"], feature.shape[2:], align_corners=False)
        occlusion = motion.get("occlusion_map")
        feature = warp_blend(feature, points, occlusion, align_corners=self._ptus_align_corners)
        shown["deformed"] = self.deform_input(source_image, motion["deformation"])
        feature = self.bottleneck(feature)
        for block in self.up_blocks:
            feature = block(feature)
        shown["prediction"] = torch.sigmoid(self.final(feature))
        return shown


class KeypointDetector(SoftArgmaxDetector):
    """Section 3.1."""

    rank = 2


class AntiAliasing(Accelerated):
    """Blurs and keeps every n-th point: only those are computed."""

    scale: float
    int_inv_scale: int
    weight: Tensor
    groups: int
    ka: int
    kb: int

    def forward(self, input: Tensor) -> Tensor:
        """As the block's own."""
        if self.scale == 1.0:
            return input
        return self._every(input, self.int_inv_scale)

    def _every(self, input: Tensor, step: int) -> Tensor:
        padded = F.pad(input, (self.ka, self.kb, self.ka, self.kb))
        return F.conv2d(padded, self.weight, stride=step, groups=self.groups)


def _trial_of_dense_motion(block: Any) -> Trial:
    count, channels = block.num_kp, 3
    modules: dict[str, nn.Module] = {
        "hourglass": nn.Conv2d((count + 1) * (channels + 1), 4, 3, padding=1),
        "mask": nn.Conv2d(4, count + 1, 1),
    }
    if block.scale_factor != 1:
        modules["down"] = nn.Conv2d(channels, channels, 2, stride=2)
    if block.occlusion is not None:
        modules["occlusion"] = nn.Conv2d(4, 1, 1)
    image = torch.rand(2, channels, 10, 14)
    plain = dict(zip(("kp_driving", "kp_source"), as_mappings(*moved_keypoints(count, 2)), strict=True))
    turned = {name: {**given, "jacobian": near_identity(count, 2)} for name, given in plain.items()}
    return Trial(modules, [("forward", {"source_image": image, **given}) for given in (plain, turned)])


def _trial_of_generator(_: Any) -> Trial:
    motion = {
        "mask": torch.rand(2, 4, 3, 4),
        "sparse_deformed": torch.rand(2, 4, 3, 3, 4),
        "deformation": 2.4 * torch.rand(2, 3, 4, 2) - 1.2,
        "occlusion_map": torch.rand(2, 1, 3, 4),
    }
    modules: dict[str, nn.Module] = {
        "dense_motion_network": Given(motion),
        "first": nn.Conv2d(3, 4, 3, padding=1),
        "down_blocks": nn.ModuleList([nn.AvgPool2d(2)]),
        "bottleneck": nn.Conv2d(4, 4, 1),
        "up_blocks": nn.ModuleList([nn.Upsample(scale_factor=2)]),
        "final": nn.Conv2d(4, 3, 1),
    }
    call = {"source_image": torch.rand(2, 3, 12, 16), "kp_driving": None, "kp_source": None}
    return Trial(modules, [("forward", call)])


def trial_of_anti_aliasing(block: Any) -> Trial:
    """On an image of which a part of a step is left over."""
    step = int(1 / block.scale)
    image = torch.rand(2, block.groups, 3 * step + step // 2, 5 * step + 1)
    return Trial({}, [("forward", {"input": image})], buffers={"weight": block.weight.detach().float().cpu()})


ANTI_ALIASING_PARTS: dict[str, type | tuple[type, ...]] = {
    "weight": Tensor,
    "groups": int,
    "scale": (float, int),
    "ka": int,
    "kb": int,
}
BLOCKS = (
    Block(
        FAMILY,
        "dense motion",
        DenseMotion,
        {
            "hourglass": nn.Module,
            "mask": nn.Conv2d,
            "occlusion": (nn.Conv2d, type(None)),
            "num_kp": int,
            "scale_factor": (float, int),
            "kp_variance": float,
        },
        ("source_image", "kp_driving", "kp_source"),
        (
            "forward",
            "create_heatmap_representations",
            "create_sparse_motions",
            "create_deformed_source_image",
        ),
        _trial_of_dense_motion,
    ),
    Block(
        FAMILY,
        "generator",
        Generator,
        {
            "dense_motion_network": nn.Module,
            "first": nn.Module,
            "down_blocks": nn.ModuleList,
            "bottleneck": nn.Module,
            "up_blocks": nn.ModuleList,
            "final": nn.Module,
        },
        ("source_image", "kp_driving", "kp_source"),
        ("forward", "deform_input"),
        _trial_of_generator,
    ),
    soft_argmax_detector(FAMILY, KeypointDetector),
    Block(
        FAMILY,
        "anti-aliased resizing",
        AntiAliasing,
        {**ANTI_ALIASING_PARTS, "int_inv_scale": int},
        ("input",),
        ("forward",),
        trial_of_anti_aliasing,
        align_corners=(False,),
    ),
)
