"""compose_motion in plain PyTorch."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ptus_kernels.reference.motion import sparse_motions


def compose_motion(
    mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, size: Sequence[int]
) -> Tensor:
    """The motions of the keypoints, mixed by the softmax of the (resized) mask logits."""
    with torch.autocast(mask_logits.device.type, enabled=False):
        logits = mask_logits.to(kp_driving.dtype)
        if tuple(logits.shape[2:]) != tuple(size):
            logits = F.interpolate(logits, tuple(size), mode="trilinear", align_corners=False)
        motions = sparse_motions(kp_driving, kp_source, jacobian, size)
        return torch.einsum("bkdhw,bkdhwc->bdhwc", logits.softmax(dim=1), motions)
