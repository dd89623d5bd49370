"""compose_motion in plain PyTorch."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ptus_kernels.reference.motion import sparse_motions


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    background: Tensor | None,
    size: Sequence[int],
) -> Tensor:
    """The motions of the keypoints, mixed by the softmax of the (resized) mask logits."""
    with torch.autocast(mask_logits.device.type, enabled=False):
        return mixed(mask_logits, sparse_motions(kp_driving, kp_source, jacobian, background, size))


def mixed(mask_logits: Tensor, motions: Tensor) -> Tensor:
    """Motions (B, K + 1, *size, rank), mixed by the softmax of mask logits that may be of another size."""
    logits, size = mask_logits.to(motions.dtype), tuple(motions.shape[2:-1])
    if tuple(logits.shape[2:]) != size:
        logits = F.interpolate(logits, size, mode="trilinear" if len(size) == 3 else "bilinear", align_corners=False)
    return torch.einsum("bk...,bk...c->b...c", logits.softmax(dim=1), motions)
