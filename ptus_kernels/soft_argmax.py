"""Keypoints from heatmap logits."""

import torch
from torch import Tensor

from ptus_kernels.backend import implementation
from ptus_kernels.checks import Checks
from ptus_kernels.reference import soft_argmax as reference
from ptus_kernels.registration import register


def soft_argmax_3d(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Find the expected coordinate under softmax(logits / temperature) over the volume.

    Coordinates are those of the identity grid, end points -1 and 1 included. Integral regression (Sun et al. 2018),
    equation 3, as used by the first-order motion model and face-vid2vid.

    Args:
        logits: (B, K, D, H, W); float32, float64, float16 or bfloat16.
        temperature: divides the logits; positive.

    Returns:
        Keypoints (B, K, 3) as (x, y, z) in [-1, 1]; float32, or float64 with float64 logits.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank that does not fit, an empty volume, or a temperature that is not positive.
    """
    return _soft_argmax(3, logits, temperature)


def soft_argmax_2d(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """Find the expected coordinate under softmax(logits / temperature) over the image, as `soft_argmax_3d` does.

    Args:
        logits: (B, K, H, W); float32, float64, float16 or bfloat16.
        temperature: divides the logits; positive.

    Returns:
        Keypoints (B, K, 2) as (x, y) in [-1, 1]; float32, or float64 with float64 logits.

    Raises:
        TypeError: for a type that does not fit.
        ValueError: for a rank that does not fit, an empty image, or a temperature that is not positive.
    """
    return _soft_argmax(2, logits, temperature)


def _soft_argmax(rank: int, logits: Tensor, temperature: float) -> Tensor:
    name, axes = f"soft_argmax_{rank}d", "DHW"[3 - rank :]
    checks = Checks(name)
    checks.tensor("logits", logits, " ".join("BK" + axes))
    if 0 not in logits.shape[:2]:  # Size.numel() would fix the batch of an exported program
        for axis in axes:
            checks.positive_size("logits", axis)
    checks.positive_number("temperature", temperature)
    run = implementation(name, reference.soft_argmax, logits)
    keypoints: Tensor = run(logits, temperature)
    return keypoints


def _fake(logits: Tensor, temperature: float) -> Tensor:
    wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return logits.new_empty((*logits.shape[:2], logits.dim() - 2), dtype=wide)


for _name in ("soft_argmax_2d", "soft_argmax_3d"):
    register(_name, fake=_fake, twice_differentiable=reference.soft_argmax, tensors=1, features=(0,))
