"""Where the motion in a frame is known, as that of rendered clips is, what is estimated is held against it."""

import torch
from torch import Tensor

from ptus.model import Motion
from ptus.training.known import FACE, KnownMotion

OPENINGS = [
    (FACE.index(upper), FACE.index(lower))
    for upper, lower in (
        ("left eye upper lid", "left eye lower lid"),
        ("right eye upper lid", "right eye lower lid"),
        ("upper lip inner edge", "lower lip inner edge"),
    )
]


def known_motion_loss(motion: Motion, packed: Tensor) -> Tensor:
    """Mean absolute difference from what is known: a scalar, 0 where nothing is known.

    Counted alike are the head's rotation, its place in units of its half size, the logarithm of its size,
    the keypoints of face and body, the first of the model's, as many as are known, and how far eyes and mouth are open:
    a face is mostly not its lids and lips, and so they would hardly count among its keypoints.

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
        _beside(_openings(motion.face) / scale.unsqueeze(1), _openings(known.face) / scale.unsqueeze(1)),
    ]
    differences = [_mean_difference(found, expected) for found, expected in pairs if found.numel()]
    return torch.stack(differences).mean()


def _openings(face: Tensor) -> Tensor:
    """From each upper lid and lip to the lower one, of those that there are keypoints for: (B, 0 to 3, 3)."""
    pairs = [(upper, lower) for upper, lower in OPENINGS if max(upper, lower) < face.shape[1]]
    upper, lower = ([pair[side] for pair in pairs] for side in (0, 1))
    return face[:, lower] - face[:, upper]


def _beside(found: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    count = min(found.shape[1], known.shape[1])
    return found[:, :count], known[:, :count]


def _mean_difference(found: Tensor, known: Tensor) -> Tensor:
    is_known = known.isfinite()
    difference = (found - known.nan_to_num()).abs() * is_known
    return difference.sum() / is_known.sum().clamp(min=1)
