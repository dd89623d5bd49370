"""spade_modulate in plain PyTorch."""

import torch
from torch import Tensor


def spade_modulate(
    x: Tensor, gamma: Tensor, beta: Tensor, scale_factor: int, negative_slope: float, eps: float
) -> Tensor:
    """instance_norm(x), enlarged, · (1 + γ) + β, then leaky ReLU; computed in float32, or float64 for float64."""
    with torch.autocast(x.device.type, enabled=False):
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        centred = x.to(wide)
        centred = centred - centred.mean((2, 3), keepdim=True)
        normalised = centred * (centred.square().mean((2, 3), keepdim=True) + eps).rsqrt()
        if scale_factor > 1:
            batch, channels, height, width = x.shape
            repeated = normalised[:, :, :, None, :, None].expand(-1, -1, -1, scale_factor, -1, scale_factor)
            normalised = repeated.reshape(batch, channels, height * scale_factor, width * scale_factor)
        modulated = normalised * (1 + gamma.to(wide)) + beta.to(wide)
        return torch.where(modulated > 0, modulated, modulated * negative_slope).to(x.dtype)
