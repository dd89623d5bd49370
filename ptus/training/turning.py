"""Heads turned by a known 3-D motion in pictures of which the motion is known: more poses than were ever filmed."""

import math

import numpy as np
import torch
from torch import Tensor

from ptus.model import ModelConfig, Motion
from ptus.model.composition import coarse_motions, joined_logits
from ptus.model.prior import BACKGROUND, head_and_place, head_surface
from ptus.model.rotation import from_angles, product
from ptus.training.known import KnownMotion
from ptus_kernels import compose_motion, grid_sample_2d

LARGEST_ANGLES = tuple(map(math.radians, (25, 15, 20)))  # yaw, pitch, roll
LARGEST_STEP = 0.1  # of the head's half size, to the side, up and down
LARGEST_ZOOM = 0.25  # a logarithm
NECK = (0.0, 0.55, 0.35)  # what a head turns about, in its own units
DEPTH = 16  # planes of the warp
_SOLID = ModelConfig()


def turned(
    picture: Tensor, box: Tensor, known: KnownMotion, random: np.random.Generator
) -> tuple[Tensor, Tensor, KnownMotion]:
    """Turn the head at random, as the ellipsoid that the prior takes it for; its surroundings go along in the plane.

    Args:
        picture: (1, 3, S, S), RGB in [0, 1].
        box: of the face, (1, 4).
        known: of one frame, with the head's pose, place and size.
        random: what to draw from.

    Returns:
        The same of the turned head; the body stays.
    """
    shift = torch.from_numpy(np.append(random.uniform(-LARGEST_STEP, LARGEST_STEP, 2), 0).astype(np.float32))
    angles = torch.from_numpy((random.uniform(-1, 1, 3) * LARGEST_ANGLES).astype(np.float32))
    zoom = math.exp(random.uniform(-LARGEST_ZOOM, LARGEST_ZOOM))
    rotation, scale = product(known.rotation, from_angles(angles[None])), zoom * known.scale
    neck = torch.tensor([NECK])
    joint = known.scale * product(neck, known.rotation)[0] + known.translation
    translation = joint + known.scale * shift - scale * product(neck, rotation)[0]

    nothing = known.body[:, :0]
    before = Motion(nothing, nothing, known.rotation, known.translation, known.scale, nothing, known.gaze)
    after = Motion(nothing, nothing, rotation, translation, scale, nothing, known.gaze)
    standing = product(known.face - known.translation.unsqueeze(1), known.rotation.transpose(1, 2))
    face = zoom * product(standing, rotation) + translation.unsqueeze(1)

    moved = (face - known.face)[..., :2].mean(dim=1)
    centre, half = (box[:, :2] + box[:, 2:]) / 2 + moved, zoom * (box[:, 2:] - box[:, :2]) / 2
    found = KnownMotion(rotation, translation, scale, known.canonical, face, known.body)
    return _rendered(picture, before, after), torch.cat((centre - half, centre + half), dim=1), found


def _rendered(picture: Tensor, before: Motion, after: Motion) -> Tensor:
    side = picture.shape[2:]
    head, region = head_and_place(before, after, (1, *side))  # the same at every depth
    nothing = torch.zeros_like(head)
    logits = joined_logits(nothing + BACKGROUND, joined_logits(nothing, nothing, head), region)
    motions = coarse_motions(_SOLID, before, after)
    deformation = compose_motion(logits, motions.driving, motions.source, motions.jacobian, size=(DEPTH, *side))
    shares = head_surface(after, (DEPTH, *side)).softmax(dim=1)
    flow = (shares.unsqueeze(-1) * deformation[..., :2]).sum(dim=1)
    return grid_sample_2d(picture, flow, padding_mode="border", align_corners=True)
