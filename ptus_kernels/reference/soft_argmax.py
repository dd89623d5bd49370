"""soft_argmax in plain PyTorch."""

import torch
from torch import Tensor

from ptus_kernels.reference.motion import identity_grid


def soft_argmax(logits: Tensor, temperature: float) -> Tensor:
    """The expected coordinate under the softmax of the logits over a volume or an image."""
    with torch.autocast(logits.device.type, enabled=False):
        wide = logits if logits.dtype == torch.float64 else logits.float()
        weights = (wide / temperature).flatten(2).softmax(dim=-1)
        return weights @ identity_grid(logits.shape[2:], wide).flatten(0, -2)
