"""What the families have in common: jacobians, resized deformations, keypoints to try a replacement with."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RESIZING = {2: "bilinear", 3: "trilinear"}


def driving_to_source(source: Tensor, driving: Tensor) -> Tensor:
    """J_source · J_driving⁻¹, (B, K, n, n) each; in the matrices' own type, under autocast too."""
    with torch.autocast(source.device.type, enabled=False):
        return source @ torch.inverse(driving)


def affine(background: Tensor) -> Tensor | None:
    """The rows (B, 2, 3) of homogeneous matrices (B, 3, 3) whose last row is (0, 0, 1); None where one has another, or
    where their numbers cannot be looked at: in what is compiled, exported or recorded as a CUDA graph.
    """
    if torch.compiler.is_compiling() or (background.is_cuda and torch.cuda.is_current_stream_capturing()):
        return None
    is_affine = (background[:, 2] == background.new_tensor([0.0, 0.0, 1.0])).all()
    return background[:, :2] if is_affine else None


def resized(deformation: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """A deformation (B, [D,] H, W, n) of another size; as it is where it has this size."""
    rank = deformation.shape[-1]
    if tuple(deformation.shape[1:-1]) == tuple(size):
        return deformation
    maps = deformation.movedim(-1, 1).contiguous()  # two channels side by side are resized at a third of the speed
    moved = F.interpolate(maps, size=tuple(size), mode=RESIZING[rank], align_corners=align_corners)
    return moved.movedim(1, -1).contiguous()


def scattered(count: int, rank: int) -> Tensor:
    """Keypoints of two samples, apart from each other: (2, count, rank), x first."""
    steps = torch.arange(2 * count, dtype=torch.float32).view(2, count, 1)
    ratios = torch.tensor([0.7548777, 0.5698403, 0.4301597])[:rank]  # a low-discrepancy sequence
    return (steps * ratios + 0.3) % 1 * 1.8 - 0.9


def moved_keypoints(count: int, rank: int) -> tuple[Tensor, Tensor]:
    """Driving and source keypoints of two samples, the source's moved by up to 0.4."""
    driving = scattered(count, rank)
    return driving, driving + 0.8 * torch.rand(2, count, rank) - 0.4


def near_identity(count: int, rank: int) -> Tensor:
    """Matrices (2, count, rank, rank) that turn and scale a little."""
    return torch.eye(rank) + 0.4 * torch.rand(2, count, rank, rank) - 0.2


def as_mappings(*keypoints: Tensor) -> list[Mapping[str, Tensor]]:
    """Each as {"value": keypoints}."""
    return [{"value": each} for each in keypoints]


class Given(nn.Module):
    """Stands in for a network: whatever comes, the same goes out."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def forward(self, *_: Any, **__: Any) -> Any:
        """What was given when it was made."""
        return self.output
