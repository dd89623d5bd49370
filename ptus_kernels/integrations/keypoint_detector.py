"""Keypoints as the expected coordinates under a softmax, and jacobians as expectations of predicted maps."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptus_kernels.integrations.block import Block, Trial
from ptus_kernels.integrations.swapping import Accelerated
from ptus_kernels.soft_argmax import soft_argmax_2d, soft_argmax_3d

SOFT_ARGMAX = {2: soft_argmax_2d, 3: soft_argmax_3d}
CONVOLUTIONS: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}


class SoftArgmaxDetector(Accelerated):
    """First-order motion model (Siarohin et al. 2019), section 3.1; a heatmap only where jacobians need it."""

    rank: ClassVar[int]

    predictor: nn.Module
    kp: nn.Module
    jacobian: nn.Module | None
    temperature: float
    scale_factor: float
    down: nn.Module
    num_jacobian_maps: int

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """As the block's own."""
        feature = self.predictor(self.down(x) if self.scale_factor != 1 else x)
        logits = self.kp(feature)
        found = {"value": SOFT_ARGMAX[self.rank](logits, self.temperature)}
        if self.jacobian is not None:
            maps = self.jacobian(feature).unflatten(1, (self.num_jacobian_maps, self.rank**2)).flatten(3)
            weights = F.softmax(logits.flatten(2) / self.temperature, dim=2)
            expected = (weights.unsqueeze(2) * maps).sum(dim=-1)
            found["jacobian"] = expected.unflatten(2, (self.rank, self.rank))
        return found


def soft_argmax_detector(family: str, mixin: type[SoftArgmaxDetector]) -> Block:
    """A family's detector of this kind."""
    convolution = CONVOLUTIONS[mixin.rank]

    def trial(block: Any) -> Trial:
        count, size = 3, (4, 8, 10)[3 - mixin.rank :]
        modules: dict[str, nn.Module] = {"predictor": convolution(2, 4, 1), "kp": convolution(4, count, 1)}
        attributes: dict[str, int] = {}
        if block.scale_factor != 1:
            modules["down"] = convolution(2, 2, 2, stride=2)
        if block.jacobian is not None:
            attributes["num_jacobian_maps"] = 1 if block.num_jacobian_maps == 1 else count
            modules["jacobian"] = convolution(4, attributes["num_jacobian_maps"] * mixin.rank**2, 1)
        return Trial(modules, [("forward", {"x": 3 * torch.randn(2, 2, *size)})], attributes)

    return Block(
        family,
        "keypoint detector",
        mixin,
        {
            "predictor": nn.Module,
            "kp": convolution,
            "jacobian": (convolution, type(None)),
            "temperature": (float, int),
            "scale_factor": (float, int),
        },
        ("x",),
        ("forward", "gaussian2kp"),
        trial,
        align_corners=(False,),
    )
