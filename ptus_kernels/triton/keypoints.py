"""Keypoints and jacobians as the kernels of the motion ops take them, and their gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ptus_kernels.triton.arguments import strides_of


@dataclass(frozen=True)
class Keypoints:
    """Driving and source keypoints (B, K, 3), and jacobians (B, K, 3, 3) or None."""

    driving: Tensor
    source: Tensor
    jacobian: Tensor | None

    @property
    def count(self) -> int:
        """K."""
        return self.driving.shape[1]

    def tensors(self) -> dict[str, Any]:
        """The kernels' arguments that say what is read."""
        return {
            "kp_driving": self.driving,
            "driving_strides": self.driving.stride(),
            "kp_source": self.source,
            "source_strides": self.source.stride(),
            "jacobian": self.jacobian,
            "jacobian_strides": strides_of(self.jacobian),
            "keypoints": self.count,
        }

    def asked(self, mask: Sequence[bool]) -> list[Tensor]:
        """Those of driving keypoints, source keypoints and jacobians whose gradients are asked for."""
        both = zip((self.driving, self.source, self.jacobian), mask, strict=True)
        return [tensor for tensor, wanted in both if wanted and tensor is not None]


class KeypointSums:
    """What each block of points adds to the gradients that are asked for, and their sum."""

    def __init__(self, of: Keypoints, mask: Sequence[bool], blocks: int) -> None:
        sums = iter([like.new_empty((blocks, *like.shape)) for like in of.asked(mask)])
        self.driving, self.source, self.jacobian = (next(sums) if wanted else None for wanted in mask)

    def tensors(self) -> dict[str, Any]:
        """The kernels' arguments that say where to write."""
        return {"sum_driving": self.driving, "sum_source": self.source, "sum_jacobian": self.jacobian}

    def total(self) -> list[Tensor]:
        """The gradients, summed in the order of the blocks."""
        return [torch.sum(one, 0) for one in (self.driving, self.source, self.jacobian) if one is not None]
