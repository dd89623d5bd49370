"""occlusion_blend in plain PyTorch."""

import torch
import torch.nn.functional as F
from torch import Tensor


def occlusion_blend(foreground: Tensor, occlusion: Tensor, background: Tensor | None, sigmoid: bool) -> Tensor:
    """o · foreground + (1 - o) · background, computed in the occlusion map's type."""
    with torch.autocast(foreground.device.type, enabled=False):
        size = tuple(foreground.shape[-2:])
        if tuple(occlusion.shape[-2:]) != size:
            occlusion = F.interpolate(occlusion, size, mode="bilinear", align_corners=False)
        if sigmoid:
            occlusion = occlusion.sigmoid()
        if foreground.dim() == 5:
            occlusion = occlusion.unsqueeze(2)
        blended = foreground.to(occlusion.dtype) * occlusion
        if background is not None:
            blended = blended + (1 - occlusion) * background.to(occlusion.dtype)
        return blended.to(foreground.dtype)
