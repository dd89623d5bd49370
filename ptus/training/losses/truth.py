"""Where the motion in a frame is known, as that of rendered clips is, what is estimated is held against it."""

import torch
from torch import Tensor

from ptus.model import Motion
from ptus.training.known import KnownMotion


def known_motion_loss(motion: Motion, packed: Tensor) -> Tensor:
    """Mean absolute difference from what is known: a scalar, 0 where nothing is known.

    Counted alike are the head's rotation, its place in units of its half size, the logarithm of its size,
    and the keypoints of face and body: the first of the model's, as many as are known.

    Args:
        motion: of B frames, estimated with head pose.
        packed: (B, 133), as a batch has it; NaN where a number is not known.
    """
    known = KnownMotion.unpacked(packed)
    scale = known.scale.nan_to_num(1.0)
    pairs = [
        (motion.rotation, known.rotation),
        (motion.translation / scale, known.translation / scale),
        (motion.scale.log(), known.scale.log()),
        _beside(motion.canonical, known.canonical),
        _beside(motion.face / scale.unsqueeze(1), known.face / scale.unsqueeze(1)),
        _beside(motion.body, known.body),
    ]
    differences = [_mean_difference(found, expected) for found, expected in pairs if found.numel()]
    return torch.stack(differences).mean()


def _beside(found: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    count = min(found.shape[1], known.shape[1])
    return found[:, :count], known[:, :count]


def _mean_difference(found: Tensor, known: Tensor) -> Tensor:
    is_known = known.isfinite()
    difference = (found - known.nan_to_num()).abs() * is_known
    return difference.sum() / is_known.sum().clamp(min=1)
