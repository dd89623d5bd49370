"""A batch: pairs of frames of the same person."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Source and driving frames of the same clips.

    Args:
        source: (B, 3, S, S), RGB in [0, 1].
        source_boxes: the faces, brows to chin: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame.
        driving: as `source`.
        driving_boxes: as `source_boxes`.
        source_known: what is known of the motion, packed as `KnownMotion` does it, (B, 145); NaN where nothing is.
        driving_known: as `source_known`.
    """

    source: Tensor
    source_boxes: Tensor
    driving: Tensor
    driving_boxes: Tensor
    source_known: Tensor
    driving_known: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        return Batch(**{name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
