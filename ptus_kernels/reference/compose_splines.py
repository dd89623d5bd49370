"""compose_splines in plain PyTorch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ptus_kernels.reference.compose_motion import mixed
from ptus_kernels.reference.motion import spline_motions


def compose_splines(
    mask_logits: Tensor, kp_driving: Tensor, spline: Tensor, background: Tensor | None, size: Sequence[int]
) -> Tensor:
    """The motions of the splines, mixed by the softmax of the (resized) mask logits."""
    with torch.autocast(mask_logits.device.type, enabled=False):
        return mixed(mask_logits, spline_motions(kp_driving, spline, background, size))
