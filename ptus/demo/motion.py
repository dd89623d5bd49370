"""The scripted motion: poses over time, and what each pose does to the keypoints of head and shoulders."""

from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ptus.demo.space import FaceSpace, Points

NECK_TOP = (0.0, 0.55, 0.15)
NECK_BASE = (0.0, 1.0, 0.25)
WAIST = (0.0, 3.4, 0.2)
NECK_SHARE = 0.35
"""How much of the head's rotation the neck takes part in."""


@dataclass(frozen=True)
class Pose:
    """A pose against that of the photo: angles in radians, shrug in face widths; all zero is the photo itself."""

    turn: float = 0.0
    """To the viewer's right."""
    nod: float = 0.0
    """Down."""
    tilt: float = 0.0
    """Of the head, to the viewer's right."""
    lean: float = 0.0
    """Of the upper body, to the viewer's right."""
    shrug: float = 0.0
    """Of the shoulders, up."""


class Motion(NamedTuple):
    """Keypoints of one frame as `ptus_kernels.compose_motion` reads them."""

    kp_driving: Tensor
    """(1, K, 3), normalised."""
    kp_source: Tensor
    """(1, K, 3), normalised."""
    jacobian: Tensor
    """(1, K, 3, 3), takes driving offsets to source offsets."""


def scripted_pose(time: float) -> Pose:
    """The pose at a time between 0 and 1, both of which are the photo's own, so that the clip loops."""
    return Pose(
        turn=radians(18) * (_swell(time, 0.28, 0.6) - _swell(time, 0.03, 0.345)),
        nod=radians(8) * _swell(time, 0.58, 0.8) - radians(4) * (_swell(time, 0.06, 0.34) + _swell(time, 0.74, 0.9)),
        tilt=radians(6) * (_swell(time, 0.72, 1.0) - _swell(time, 0.36, 0.7)),
        lean=radians(2) * (_swell(time, 0.4, 0.9) - _swell(time, 0.06, 0.54)),
        shrug=0.16 * _swell(time, 0.7, 0.97),
    )


def keypoint_motion(pose: Pose, source: Points, space: FaceSpace) -> Motion:
    """Where a pose takes the keypoints `source` (K, 3), and the jacobians of that motion, as float32 tensors."""
    transforms = _transforms(pose)
    driving = np.einsum("kij,kj->ki", transforms[:, :3, :3], source) + transforms[:, :3, 3]
    # Rotation is rigid in face widths; the normalised axes have different units.
    jacobian = np.linalg.inv(transforms[:, :3, :3]) * space.scale[:, None] / space.scale[None, :]
    normalised = (space.to_normalised(driving), space.to_normalised(source), jacobian)
    return Motion(*(torch.from_numpy(array).float().unsqueeze(0) for array in normalised))


def _transforms(pose: Pose) -> Points:
    """The rigid motion (K, 4, 4) of the body around each of `keypoints.NAMES`, from the photo to the pose."""
    turn, nod, tilt = pose.turn, pose.nod, pose.tilt
    chest = _rotated(0, 0, pose.lean, WAIST) @ _moved(0, -0.2 * pose.shrug, 0)
    neck = chest @ _rotated(NECK_SHARE * turn, NECK_SHARE * nod, NECK_SHARE * tilt, NECK_BASE)
    rest = 1 - NECK_SHARE
    head = neck @ _moved(0, 0.15 * pose.shrug, 0) @ _rotated(rest * turn, rest * nod, rest * tilt, NECK_TOP)
    shoulders = chest @ _moved(0, -pose.shrug, 0)
    return np.stack([head, neck, chest, shoulders, shoulders])


def _swell(time: float, start: float, end: float) -> float:
    """Rises smoothly from 0 at `start` to 1 halfway and falls back to 0 at `end`; 0 elsewhere."""
    inside = min(max((time - start) / (end - start), 0.0), 1.0)
    return 0.5 - 0.5 * cos(2 * pi * inside)


def _rotated(turn: float, nod: float, tilt: float, pivot: tuple[float, float, float]) -> Points:
    """A rotation about a pivot: first turn (about y), then nod (about x), then tilt (about z), (4, 4)."""
    about_y = [[cos(turn), 0, -sin(turn)], [0, 1, 0], [sin(turn), 0, cos(turn)]]
    about_x = [[1, 0, 0], [0, cos(nod), -sin(nod)], [0, sin(nod), cos(nod)]]
    about_z = [[cos(tilt), -sin(tilt), 0], [sin(tilt), cos(tilt), 0], [0, 0, 1]]
    transform = np.eye(4)
    transform[:3, :3] = np.array(about_z) @ np.array(about_x) @ np.array(about_y)
    transform[:3, 3] = np.array(pivot) - transform[:3, :3] @ np.array(pivot)
    return transform


def _moved(x: float, y: float, z: float) -> Points:
    """A translation, (4, 4)."""
    transform = np.eye(4)
    transform[:3, 3] = (x, y, z)
    return transform
