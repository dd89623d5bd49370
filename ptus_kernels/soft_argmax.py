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
    checks = Checks("soft_argmax_3d")
    checks.tensor("logits", logits, "B K D H W")
    if 0 not in logits.shape[:2]:  # Size.numel() would fix the batch of an exported program
        for axis in "DHW":
            checks.positive_size("logits", axis)
    if not temperature > 0:
        checks.fail("temperature", "a positive number", temperature)
    run = implementation("soft_argmax_3d", reference.soft_argmax_3d, logits)
    keypoints: Tensor = run(logits, temperature)
    return keypoints


def _fake(logits: Tensor, temperature: float) -> Tensor:
    wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return logits.new_empty((*logits.shape[:2], 3), dtype=wide)


register("soft_argmax_3d", fake=_fake, twice_differentiable=reference.soft_argmax_3d, tensors=1, features=(0,))
