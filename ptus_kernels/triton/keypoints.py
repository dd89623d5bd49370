"""The tensors that say what the motions are, as the kernels of the motion ops take them, and their gradients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ptus_kernels.triton.arguments import strides_of


@dataclass(frozen=True)
class Motions:
    """Of keypoints: driving and source (B, K, rank), jacobians (B, K, rank, rank) or None. Of splines: driving control
    points (B, K, P, 2), and the splines (B, K, P + 3, 2). The background's motion (B, rank, rank + 1), or None.
    """

    driving: Tensor
    source: Tensor | None = None
    jacobian: Tensor | None = None
    background: Tensor | None = None
    spline: Tensor | None = None

    @property
    def count(self) -> int:
        """K."""
        return self.driving.shape[1]

    @property
    def points(self) -> int:
        """P of splines, otherwise 0."""
        return 0 if self.spline is None else self.driving.shape[2]

    @property
    def rank(self) -> int:
        """2 or 3."""
        return self.driving.shape[-1]

    @property
    def only_translate(self) -> bool:
        """Whether all motions are translations."""
        return self.jacobian is None and self.background is None and self.spline is None

    def tensors(self) -> dict[str, Any]:
        """The kernels' arguments that say what is read."""
        return {
            "kp_driving": self.driving,
            "driving_strides": self.driving.stride(),
            "kp_source": self.source,
            "source_strides": strides_of(self.source),
            "jacobian": self.jacobian,
            "jacobian_strides": strides_of(self.jacobian),
            "background": self.background,
            "background_strides": strides_of(self.background),
            "spline": self.spline,
            "spline_strides": strides_of(self.spline),
            "keypoints": self.count,
            "points": self.points,
            "RANK": self.rank,
        }


class BlockSums:
    """What each block of points adds to the gradients that are asked for, and their sum.

    Args:
        tensors: by the kernels' names for their sums, in the op's order; None for those that are not there.
        mask: which gradients are asked for, in the same order.
        blocks: of points.
    """

    def __init__(self, tensors: dict[str, Tensor | None], mask: Sequence[bool], blocks: int) -> None:
        both = zip(tensors.items(), mask, strict=True)
        self._sums = {
            name: tensor.new_empty((blocks, *tensor.shape)) if wanted and tensor is not None else None
            for (name, tensor), wanted in both
        }

    def tensors(self) -> dict[str, Tensor | None]:
        """The kernels' arguments that say where to write."""
        return self._sums

    def total(self) -> list[Tensor]:
        """The gradients, summed in the order of the blocks."""
        return [torch.sum(one, 0) for one in self._sums.values() if one is not None]


def asked(tensors: Sequence[Tensor | None], mask: Sequence[bool]) -> list[Tensor]:
    """Those of the tensors whose gradients are asked for."""
    return [tensor for tensor, wanted in zip(tensors, mask, strict=True) if wanted and tensor is not None]
