"""Where the motion in a frame is known, as that of rendered clips is, what is estimated is held against it."""

import torch
from torch import Tensor

from ptus.model import Motion
from ptus.model.rotation import product
from ptus.training.known import FACE, KnownMotion
from ptus.training.processes import averaged, processes

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
    the keypoints of face and body, the first of the model's, as many as are known, how far the body moves from source
    to driver, which is less than estimates of it are off at first, and how far eyes and mouth are open: lids and lips
    would hardly count among a face's keypoints. Of several processes, the mean of their losses is that of all samples.

    Args:
        motion: of B frames, estimated with head pose; sources, then as many drivers.
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
        _beside(_apart(motion.body), _apart(known.body)),
        _beside(_openings(motion.face) / scale.unsqueeze(1), _openings(known.face) / scale.unsqueeze(1)),
    ]
    pairs = [(found, expected) for found, expected in pairs if found.numel()]
    sums = torch.stack([_sum_of_differences(found, expected) for found, expected in pairs])
    counts = torch.stack([expected.isfinite().sum() for _, expected in pairs])
    known_in_all = averaged({"counts": counts})["counts"]  # else a process in which little is known would count more
    return (sums / known_in_all.clamp(min=1 / processes())).mean()


def told(motion: Motion, packed: Tensor) -> Motion:
    """The estimated motion, with every number that is known in place of the estimate.

    Warping learns from right motion then, also while the estimators are still far off: from wrong motion it would learn
    to keep still.

    Args:
        motion: of B frames.
        packed: (B, 133), as a batch has it; NaN where a number is not known.
    """
    known = KnownMotion.unpacked(packed)
    canonical = _in_place(motion.canonical, known.canonical)
    rotation, translation = _in_place(motion.rotation, known.rotation), _in_place(motion.translation, known.translation)
    scale = _in_place(motion.scale, known.scale)
    count = min(canonical.shape[1], known.face.shape[1])
    face = known.face[:, :count]
    posed = (face.nan_to_num() - translation.unsqueeze(1)) / scale.unsqueeze(1)  # a NaN would reach gradients
    expression = torch.where(face.isfinite(), posed - product(canonical[:, :count], rotation), torch.nan)
    return Motion(
        body=_in_place(motion.body, known.body),
        canonical=canonical,
        rotation=rotation,
        translation=translation,
        scale=scale,
        expression=_in_place(motion.expression, expression),
    )


def _in_place(found: Tensor, known: Tensor) -> Tensor:
    """Numbers that are known where they are, others where they are not, or where there are more of them."""
    count = min(found.shape[1], known.shape[1])
    there = known[:, :count]
    return torch.cat((torch.where(there.isfinite(), there, found[:, :count]), found[:, count:]), dim=1)


def _openings(face: Tensor) -> Tensor:
    """From each upper lid and lip to the lower one, of those that there are keypoints for: (B, 0 to 3, 3)."""
    pairs = [(upper, lower) for upper, lower in OPENINGS if max(upper, lower) < face.shape[1]]
    upper, lower = ([pair[side] for pair in pairs] for side in (0, 1))
    return face[:, lower] - face[:, upper]


def _apart(points: Tensor) -> Tensor:
    """How far points (2 B, K, 3) move from the first half to the second, (B, K, 3), in tenths of the half frame."""
    first, second = points.unflatten(0, (2, -1)).unbind()
    moved: Tensor = second - first
    return 10 * moved


def _beside(found: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    count = min(found.shape[1], known.shape[1])
    return found[:, :count], known[:, :count]


def _sum_of_differences(found: Tensor, known: Tensor) -> Tensor:
    return ((found - known.nan_to_num()).abs() * known.isfinite()).sum()
