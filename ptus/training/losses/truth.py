"""Where the motion in a frame is known, as that of rendered clips is, what is estimated is held against it."""

from dataclasses import replace

import torch
from einops import rearrange
from torch import Tensor

from ptus.model import ModelConfig, Motion, standing
from ptus.model.rotation import product
from ptus.model.standing import OPENINGS
from ptus.training.known import LANDMARKS, KnownMotion
from ptus.training.processes import averaged, processes
from ptus_kernels import grid_sample_2d

KEYPOINTS = len(standing.FACE)
"""How many of the face's landmarks, the first ones, a model has keypoints for."""
HEAD = ("rotation", "translation", "scale", "canonical")
"""What is known of the head beside its keypoints."""
SEEN = [number for number, name in enumerate(LANDMARKS) if not {"jaw", "iris"} & set(name.split())]
"""Landmarks that hardly anything hides from the camera, however a head turns."""
OPENINGS_WEIGHT = 4.0  # of a face, and of its gaze: they vary by a fraction of what its keypoints do
_LIDS = [lid for eye in standing.EYES for lid in eye]
BESIDE = 0.04  # how far above and below lids and lips the flow is looked at, of the head's half size


def known_motion_loss(motion: Motion, packed: Tensor, config: ModelConfig) -> Tensor:
    """Mean absolute difference from what is known: a scalar, 0 where nothing is known.

    Counted alike are the keypoints of face and body, the first of the model's, as many as are known, how far the body
    moves from source to driver, which is less than estimates of it are off at first, and how far eyes and mouth are
    open, several times: lids and lips would hardly count among a face's keypoints. Where eyes look counts as much, of a
    model that reads it. Of a model with head pose, also its rotation, its place in units of its half size, the
    logarithm of its size, and the canonical keypoints and openings. Of several processes, the mean of their losses is
    that of all samples.

    Args:
        motion: of B frames; sources, then as many drivers.
        packed: (B, 145), as a batch has it; NaN where a number is not known.
        config: of the model whose motion it is.
    """
    known = KnownMotion.unpacked(packed)
    scale = known.scale.nan_to_num(1.0)
    landmarks, canonical = known.face[:, :KEYPOINTS], known.canonical[:, :KEYPOINTS]
    face, there = motion.face[:, : config.face_keypoints] / scale.unsqueeze(1), landmarks / scale.unsqueeze(1)
    body = motion.body if config.face_body else motion.face[:, config.face_keypoints :]
    pairs = [
        _beside(face, there),
        _beside(OPENINGS_WEIGHT * _openings(face), OPENINGS_WEIGHT * _openings(there)),
        _beside(body, known.body),
        _beside(_apart(body), _apart(known.body)),
    ]
    if config.local_global:
        pairs += [
            (motion.rotation, known.rotation),
            (motion.translation / scale, known.translation / scale),
            (motion.scale.log(), known.scale.log()),
            _beside(motion.canonical[:, : config.face_keypoints], canonical),
            _beside(_openings(motion.canonical), _openings(canonical)),
        ]
    if config.reads_close_up:
        pairs.append((OPENINGS_WEIGHT * motion.gaze, OPENINGS_WEIGHT * known.gaze))
    pairs = [(found, expected) for found, expected in pairs if found.numel()]
    return _mean_of_known([found - expected for found, expected in pairs])


def known_flow_loss(flow: Tensor, source: Tensor, driving: Tensor, *, lids: bool) -> Tensor:
    """Landmarks of the face come from where the source has them: a scalar, 0 where nothing is known.

    Pictures alone hardly say so: lids and lips are a few pixels, and dark ones beside bright ones. How far eyes and
    mouth are open in the source counts as much as the places of all landmarks. Of lids and lips a point a little
    outside the opening is asked for: those of a closed eye are in one place, but come from two.

    Args:
        flow: where each point of the driven frame is seen in the source, (B, S, S, 2).
        source: what is known of the source's motion, packed, (B, 145).
        driving: the same of the driver's.
        lids: whether lids count: where they have a flow of their own, which leaves out the white of eyes that close,
            nothing else is to move them.

    Returns:
        Mean absolute difference along x and y, in units of half the driven head's size.
    """
    there, here = KnownMotion.unpacked(source), KnownMotion.unpacked(driving)
    at, expected = _outside(here), _outside(there)
    planes = rearrange(flow, "b h w n -> b n h w")
    grid = at.nan_to_num().unsqueeze(1)
    found = grid_sample_2d(planes, grid, padding_mode="border", align_corners=True)
    inside = (at.abs() <= 1).all(dim=-1, keepdim=True)
    scale = here.scale.nan_to_num(1.0).unsqueeze(1)  # a NaN would reach gradients
    apart = (rearrange(found, "b n 1 k -> b k n") - expected) / scale
    if not lids:
        inside = inside & torch.ones_like(inside).index_fill(1, torch.tensor(_LIDS, device=flow.device), False)
    apart = torch.where(inside, apart, torch.nan)
    return _mean_of_known([apart[:, SEEN], _openings(apart)])


def told(motion: Motion, packed: Tensor, config: ModelConfig) -> Motion:
    """The estimated motion, with every number that is known in place of the estimate.

    Warping learns from right motion then, also while the estimators are still far off: from wrong motion it would learn
    to keep still.

    Args:
        motion: of B frames.
        packed: (B, 145), as a batch has it; NaN where a number is not known.
        config: of the model whose motion it is. Without head pose, what is known of it is left out.
    """
    known = KnownMotion.unpacked(packed)
    if not config.local_global:
        known = replace(known, **{name: torch.full_like(getattr(known, name), torch.nan) for name in HEAD})
    canonical = _in_place(motion.canonical, _as_many(known.canonical[:, :KEYPOINTS], config.face_keypoints))
    rotation, translation = _in_place(motion.rotation, known.rotation), _in_place(motion.translation, known.translation)
    scale = _in_place(motion.scale, known.scale)
    face = known.face[:, :KEYPOINTS]
    if not config.face_body:
        face = torch.cat((_as_many(face, config.face_keypoints), known.body), dim=1)
    count = min(canonical.shape[1], face.shape[1])
    face = face[:, :count]
    posed = (face.nan_to_num() - translation.unsqueeze(1)) / scale.unsqueeze(1)  # a NaN would reach gradients
    expression = torch.where(face.isfinite(), posed - product(canonical[:, :count], rotation), torch.nan)
    return Motion(
        body=_in_place(motion.body, known.body),
        canonical=canonical,
        rotation=rotation,
        translation=translation,
        scale=scale,
        expression=_in_place(motion.expression, expression),
        gaze=_in_place(motion.gaze, known.gaze) if config.reads_close_up else motion.gaze,
    )


def _as_many(known: Tensor, count: int) -> Tensor:
    """The first of points that are known (B, K, 3), with NaN for those that are not, (B, count, 3)."""
    there = known[:, :count]
    return torch.nn.functional.pad(there, (0, 0, 0, count - there.shape[1]), value=torch.nan)


def _in_place(found: Tensor, known: Tensor) -> Tensor:
    """Numbers that are known where they are, others where they are not, or where there are more of them."""
    count = min(found.shape[1], known.shape[1])
    there = known[:, :count]
    return torch.cat((torch.where(there.isfinite(), there, found[:, :count]), found[:, count:]), dim=1)


def _outside(known: KnownMotion) -> Tensor:
    """x and y of the face's landmarks, (B, 17, 2), upper lids and lips a little above themselves, lower ones below."""
    sides = known.face.new_zeros(len(LANDMARKS), 1)
    for upper, lower in OPENINGS:
        sides[upper], sides[lower] = -BESIDE, BESIDE
    down = known.rotation[:, 1:2, :2]
    return known.face[..., :2] + sides * known.scale.unsqueeze(1) * down


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


def _mean_of_known(differences: list[Tensor]) -> Tensor:
    """Mean over kinds of differences of their mean absolute value, over all that are not NaN in any process."""
    known = [difference.isfinite() for difference in differences]
    sums = [torch.where(there, difference, 0).abs().sum() for there, difference in zip(known, differences, strict=True)]
    counts = torch.stack([there.sum() for there in known])
    known_in_all = averaged({"counts": counts})["counts"]  # else a process in which little is known would count more
    return (torch.stack(sums) / known_in_all.clamp(min=1 / processes())).mean()
