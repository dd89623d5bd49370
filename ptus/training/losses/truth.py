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
        packed: (B, 133), as a batch has it.
    """
    rows = packed.isfinite().all(dim=1)
    if not bool(rows.any()):
        return motion.scale.new_zeros(())
    known = KnownMotion.unpacked(packed[rows])
    found = Motion(*(tensor[rows] for tensor in motion.tensors()))
    differences = [
        found.rotation - known.rotation,
        (found.translation - known.translation) / known.scale,
        (found.scale / known.scale).log(),
        _beside(found.canonical, known.canonical),
        _beside(found.face, known.face) / known.scale.unsqueeze(1),
        _beside(found.body, known.body),
    ]
    return torch.stack([difference.abs().mean() for difference in differences if difference.numel()]).mean()


def _beside(found: Tensor, known: Tensor) -> Tensor:
    count = min(found.shape[1], known.shape[1])
    return found[:, :count] - known[:, :count]
