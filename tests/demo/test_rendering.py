"""What poses make of a portrait."""

from itertools import pairwise
from math import radians

import cv2
import numpy as np
import pytest
import torch

import ptus_kernels
from ptus.demo.keypoints import NAMES
from ptus.demo.motion import Pose, keypoint_motion, scripted_pose
from ptus.demo.photo import Photo
from ptus.demo.rendering import Renderer
from ptus.images import Mask

TIMES = [index / 7 for index in range(7)]


def _far_from(person: torch.Tensor, distance: int) -> Mask:
    reach = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    return np.asarray(cv2.dilate((person[0, 3].numpy() > 0).astype(np.uint8), reach) == 0)


def _face(photo: Photo) -> tuple[slice, slice]:
    x, y, width, height = (round(side) for side in photo.face)
    return slice(y, y + height), slice(x, x + width)


def test_the_pose_of_the_photo_is_the_photo(photo: Photo, renderer: Renderer) -> None:
    frame = renderer.render(Pose())
    assert np.array_equal(frame.pixels, photo.pixels)
    assert np.abs(frame.flow).max() < 1e-3


def test_the_script_starts_and_ends_with_the_photo() -> None:
    assert scripted_pose(0.0) == scripted_pose(1.0) == Pose()
    assert all(scripted_pose(time) != Pose() for time in TIMES[1:])


def test_the_background_stands_still_and_the_person_moves(photo: Photo, renderer: Renderer) -> None:
    far = _far_from(renderer.person, 14)
    assert far.mean() > 0.3
    changes = []
    for time in TIMES[1:]:
        difference = np.abs(renderer.render(scripted_pose(time)).pixels.astype(int) - photo.pixels)
        assert difference[far].max() == 0
        changes.append(difference[_face(photo)].mean())
    assert min(changes) > 2


def test_neighbouring_frames_differ_little(renderer: Renderer) -> None:
    """Nothing jumps: between frames at 25 a second no part of the picture moves by more than some pixels."""
    flows = [renderer.render(scripted_pose(0.3 + index / 100)) for index in range(6)]
    for before, after in pairwise(flows):
        both = (before.occlusion > 0.99) & (after.occlusion > 0.99)
        assert np.percentile(np.abs(after.flow - before.flow)[both], 99.5) < 2


@pytest.mark.parametrize(("pose", "axis", "sign"), [
    (Pose(turn=radians(15)), 0, 1), (Pose(turn=-radians(15)), 0, -1),
    (Pose(nod=radians(8)), 1, 1), (Pose(nod=-radians(8)), 1, -1),
])  # fmt: skip
def test_the_nose_moves_farther_than_the_ears(
    photo: Photo, renderer: Renderer, pose: Pose, axis: int, sign: int
) -> None:
    flow = renderer.render(pose).flow
    x, y, width, height = photo.face
    middle = round(y + height / 2)
    nose, ear = flow[middle, round(x + width / 2), axis], flow[middle, round(x + 0.05 * width), axis]
    # Where a pixel comes from lies behind the way it moves.
    assert -sign * nose > 1
    assert -sign * nose > -sign * ear + (0.5 if axis == 0 else 0)


def test_the_head_tilts_as_a_solid_thing(photo: Photo, renderer: Renderer) -> None:
    tilt = radians(6)
    flow = renderer.render(Pose(tilt=tilt)).flow
    rows, columns = _face(photo)
    head = np.zeros(flow.shape[:2], bool)
    head[rows.start : rows.start + round(0.7 * photo.face.height), columns] = True
    y, x = np.nonzero(head)
    points = np.stack([x, y, np.ones_like(x)], -1).astype(float)
    sources = points[:, :2] + flow[head]
    fit, *_ = np.linalg.lstsq(points, sources, rcond=None)
    assert np.abs(points @ fit - sources).max() < 0.3
    rotation = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    np.testing.assert_allclose(fit[:2], rotation, atol=0.02)


def test_keypoint_motion_takes_driving_offsets_to_source_offsets(renderer: Renderer) -> None:
    space = renderer.space
    pose = Pose(turn=0.3, nod=-0.2, tilt=0.1, lean=0.05, shrug=0.1)
    motion = keypoint_motion(pose, renderer.lifted.keypoints, space)
    assert motion.jacobian.shape == (1, len(NAMES), 3, 3)
    scale = torch.from_numpy(space.scale).float()
    rigid = motion.jacobian[0] / scale[:, None] * scale[None, :]
    torch.testing.assert_close(rigid @ rigid.mT, torch.eye(3).expand(len(NAMES), 3, 3), atol=1e-5, rtol=0)
    # Shoulders lean but do not turn: what is beside one in the pose was beside it in the photo.
    lean = torch.tensor([[np.cos(0.05), np.sin(0.05)], [-np.sin(0.05), np.cos(0.05)]]).float()
    torch.testing.assert_close(rigid[NAMES.index("left shoulder"), :2, :2], lean, atol=1e-5, rtol=0)


def test_plain_pytorch_gives_the_same_picture(renderer: Renderer) -> None:
    pose = scripted_pose(0.4)
    frame = renderer.render(pose)
    with ptus_kernels.use_backend("reference"):
        reference = renderer.render(pose)
    assert np.abs(frame.pixels.astype(int) - reference.pixels).max() <= 1
