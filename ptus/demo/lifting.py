"""A portrait lifted into a volume: where the person is in depth, and which part of the body moves what."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ptus.demo.keypoints import place_keypoints
from ptus.demo.space import HALF_DEPTH, FaceSpace, Points
from ptus.images import Mask, Plane

LAYERS = 24
LAYER = 2 * HALF_DEPTH / (LAYERS - 1)
"""Distance between layers in face widths."""
MASK_LAYERS = 8
MASK_STRIDE = 8
"""Pixels per mask point: `compose_motion` resizes the masks to the motion field itself."""

HEAD_DEPTH = 0.58
BODY_DEPTH = 0.42
MARGIN = 0.1
"""How far the shape goes beyond the person's outline, so that the outline in the picture is the picture's own."""


class Lifted(NamedTuple):
    """The shape of a person, as the kernels read it."""

    occupancy: Tensor
    """(1, 1, D, H, W), 1 inside the person, 0 outside; nearest layer first."""
    parts: Tensor
    """(1 + K, 1, d, h, w), how much each point belongs to what stays and to each keypoint; sums to 1."""
    keypoints: Points
    """(K, 3), in face widths from the middle of the face."""
    front: Plane
    """(H, W), z of the surface in face widths; HALF_DEPTH where there is none."""


def lift(mask: Mask, space: FaceSpace) -> Lifted:
    """Lift a person into depth: the outline inflated, the head an ellipsoid in front.

    Args:
        mask: the person (H, W).
        space: coordinates of the photo.
    """
    front, back, solid = _surfaces(mask, space)
    z = np.linspace(-HALF_DEPTH, HALF_DEPTH, LAYERS, dtype=np.float32)[:, None, None]
    # A surface between two layers makes the one before it partly solid: its depth is not rounded to layers.
    occupancy = np.clip(1 - (front - z) / LAYER, 0, 1) * np.clip(1 - (z - back) / LAYER, 0, 1) * solid
    keypoints = place_keypoints(mask, space)
    parts = _parts(mask_points(space), keypoints, space)
    return Lifted(
        torch.from_numpy(occupancy.astype(np.float32))[None, None],
        torch.from_numpy(parts.astype(np.float32)).unsqueeze(1),
        keypoints,
        np.where(solid, front, HALF_DEPTH).astype(np.float32),
    )


def mask_points(space: FaceSpace) -> Points:
    """The normalised points (d, h, w, 3) at which masks are known.

    They lie where `compose_motion` takes them to be when it resizes: in the middle of each block of voxels.
    """
    counts = MASK_LAYERS, -(-space.height // MASK_STRIDE), -(-space.width // MASK_STRIDE)
    axes = []
    for count, voxels in zip(counts, (LAYERS, space.height, space.width), strict=True):
        centres = (np.arange(count) + 0.5) * voxels / count - 0.5
        axes.append(2 * centres / (voxels - 1) - 1)
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.stack([x, y, z], -1)


def _surfaces(mask: Mask, space: FaceSpace) -> tuple[Plane, Plane, Mask]:
    """The z of the front and of the back, and where there is anything between them."""
    x, y = space.pixel_grid()
    width = space.face.width
    # Padded by what is at the border: a body that leaves the picture does not end there.
    pad = round(width)
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    depth_in = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[pad:-pad, pad:-pad] / width
    distance_out = cv2.distanceTransform(1 - padded, cv2.DIST_L2, 5)[pad:-pad, pad:-pad] / width

    rim = 1 - np.clip(depth_in / 0.7, 0, 1)
    swelling = np.sqrt(1 - rim**2)
    head = np.sqrt(np.clip(1 - (x / 0.78) ** 2 - ((y + 0.15) / 1.0) ** 2, 0, 1))
    nose = 0.08 * np.exp(-0.5 * ((x / 0.09) ** 2 + ((y - 0.12) / 0.14) ** 2))
    front = 0.15 - np.maximum(BODY_DEPTH * swelling, (0.15 + HEAD_DEPTH) * head)
    back = 0.2 + np.maximum(BODY_DEPTH * swelling, HEAD_DEPTH * head)
    smooth = cv2.GaussianBlur(front.astype(np.float32), (0, 0), 0.07 * width) - nose
    # Where there is anything at all, at least one layer is quite full.
    back = np.maximum(back, smooth + LAYER)
    solid = (mask | (distance_out < MARGIN)).astype(bool)
    return smooth.astype(np.float32), back.astype(np.float32), solid


def _parts(points: Points, keypoints: Points, space: FaceSpace) -> npt.NDArray[np.float64]:
    """How much each normalised point (..., 3) belongs to what stays and to each keypoint, (1 + K, ...)."""
    x, y, z = np.moveaxis(space.to_face(points), -1, 0)
    # The head ends at the chin in front and at the nape, which is higher, behind.
    level = y + 0.3 * (z + 0.3)
    above = np.where(level < -0.2, (level + 0.2) / 1.5, (level + 0.2) / 1.05)
    half_width = 1.05 - 0.2 * _step(level, -0.2, 0.8)
    head = 1 - _step(np.hypot(x / half_width, above), 0.8, 1.25)
    neck = (1 - _step(y, 0.75, 1.35)) * (1 - _step(np.abs(x), 0.45, 0.9))
    bottom = min(4.5, float(space.to_face(np.array([0.0, 1.0, 0.0]))[1]))
    # Still where the picture ends below, and so far to the sides that it may not be the person any more.
    moving = (1 - _step(y, min(1.4, bottom - 1), bottom)) * (1 - _step(np.abs(x), 1.6, 2.4))
    shoulders = [np.exp(-0.5 * ((x - at[0]) ** 2 + (y - at[1]) ** 2) / 0.5**2) for at in keypoints[3:]]
    chest = np.maximum(1 - shoulders[0] - shoulders[1], 0)
    total = chest + shoulders[0] + shoulders[1]
    trunk = (1 - head) * (1 - neck) * moving
    rest = [trunk * part / total for part in (chest, *shoulders)]
    return np.stack([(1 - head) * (1 - neck) * (1 - moving), head, (1 - head) * neck, *rest])


def _step(value: Points, low: float, high: float) -> Points:
    """0 below `low`, 1 above `high`, smooth between."""
    inside = np.clip((value - low) / (high - low), 0, 1)
    return inside * inside * (3 - 2 * inside)
