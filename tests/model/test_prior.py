"""What is likely before anything is learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ptus.images import resized
from ptus.model import PTUS, Motion, standing
from ptus.model.composition import Motions
from ptus.model.head_frame import HALF_DEPTH, MIDDLE
from ptus.model.prior import (
    EXPRESSION_REACH,
    EXPRESSION_STEP,
    expression_maps,
    face_nearness,
    head_and_place,
    head_region,
    head_surface,
    nearness,
)
from ptus.model.rotation import from_angles, product
from tests.data import puppets
from tests.model.conftest import SLIM

STILL = Motion(
    body=torch.zeros(1, 0, 3),
    canonical=torch.zeros(1, 1, 3),
    rotation=torch.eye(3)[None],
    translation=torch.tensor([[0.25, -0.25, 0.0]]),
    scale=torch.tensor([[0.5]]),
    expression=torch.zeros(1, 1, 3),
    gaze=torch.zeros(1, 2),
)
SIZE = (8, 33, 33)


def place(motion: Motion, x: float, y: float) -> tuple[int, int]:
    """Row and column of a point of the head, in units of its half size from its joint."""
    at = motion.translation[0, :2] + motion.scale[0] * torch.tensor([x, y])
    column, row = ((at + 1) / 2 * (SIZE[2] - 1)).round().int().tolist()
    return row, column


def test_a_keypoint_is_likeliest_at_itself_and_falls_off_alike() -> None:
    logits = nearness(torch.tensor([[[0.0, 0.5, 0.3], [-0.5, 0.0, 0.0]]]), 0.25, SIZE)
    assert logits.shape == (1, 2, *SIZE)
    assert logits[0, 0, :, 24, 16].tolist() == [0.0] * SIZE[0]
    assert logits[0, 0, 3, 24, 20].item() == pytest.approx(-0.5)  # one reach away
    assert logits[0, 1, 3, 16, 16].item() == pytest.approx(-2.0)  # two
    assert logits.amax() == 0


def test_the_decoder_is_told_where_the_expression_moves_what() -> None:
    at = torch.tensor([[[0.0, 0.5, 0.0], [-0.5, 0.0, 0.0]]])
    added = EXPRESSION_STEP * STILL.scale * torch.tensor([[[0.0, -1.0, 0.3], [2.0, 0.0, 0.0]]])
    maps = expression_maps(Motions(at, at + added), STILL, SIZE[1:]).unflatten(1, (2, 3))[0]
    torch.testing.assert_close(maps[0, :, 24, 16], torch.tensor([1.0, 0, -1]))  # a lid, lowered by a step
    torch.testing.assert_close(maps[1, :, 16, 8], torch.tensor([1.0, 2, 0]))
    cell = 2 / (SIZE[2] - 1) / (EXPRESSION_REACH * STILL.scale.item())
    torch.testing.assert_close(maps[0, :, 24, 17], np.exp(-(cell**2) / 2) * maps[0, :, 24, 16])


@pytest.mark.parametrize("opening", [0.0, 0.1])
@pytest.mark.parametrize("roll", [0.0, 0.5])
def test_what_is_above_an_eye_moves_with_its_upper_lid_and_what_is_below_with_the_lower(
    opening: float, roll: float
) -> None:
    motion = replace(STILL, rotation=from_angles(torch.tensor([[0.0, 0.0, roll]])))
    down = motion.rotation[0, 1]
    face = torch.tensor([-0.25, -0.25, 0.0]) + torch.tensor([[[-opening / 2], [opening / 2]]]) * down
    face = torch.cat((face, torch.ones(1, 2, 3)), dim=1)
    size = (2, 201, 201)
    shares = face_nearness(face, motion, size).softmax(dim=1)[0, :, 0]

    def at(below: float) -> Tensor:
        column, row = ((torch.tensor([-0.25, -0.25, 0.0]) + below * down)[:2] + 1).mul(100).round().int().tolist()
        return shares[:, row, column]

    torch.testing.assert_close(at(0.0), torch.tensor([0.5, 0.5, 0.0, 0.0]))
    assert at(-opening / 2 - 0.03)[0] > 0.85 and at(opening / 2 + 0.03)[1] > 0.85
    assert at(-opening / 2 - 0.2)[0] > 0.99 and at(opening / 2 + 0.2)[1] > 0.99


def test_closed_lids_part_within_about_a_pixel() -> None:
    motion = replace(STILL, translation=torch.zeros(1, 3), scale=torch.ones(1, 1))
    shares = face_nearness(torch.zeros(1, 2, 3), motion, (1, 2001, 3)).softmax(dim=1)[0, :, 0, :, 1]
    pixel = 10  # rows: a hundredth of a head's half size, of which a head has about a hundred in 256 × 256
    assert shares[0, 1000 - pixel] > 0.9 and shares[1, 1000 + pixel] > 0.9


def test_a_pair_of_lids_takes_as_much_along_as_another_landmark() -> None:
    face = torch.zeros(1, 6, 3)
    face[:, 2:] = 9.0
    face[:, 4] = torch.tensor([0.5, 0.0, 0.0])
    shares = face_nearness(face, STILL, SIZE).softmax(dim=1)[0, :, 0]
    assert shares[:2, 16, 20].sum().item() == pytest.approx(0.5, abs=1e-5)  # halfway


@pytest.mark.parametrize("opening", [0.0, 0.07])
def test_a_brow_stays_where_it_is_when_the_eye_below_it_closes(opening: float) -> None:
    face = torch.from_numpy(standing.face(15))[None].clone()
    upper, lower = standing.OPENINGS[0]
    face[0, upper, 1] = face[0, lower, 1] - opening
    brow = list(standing.FACE).index("left brow middle")
    motion = replace(STILL, translation=torch.zeros(1, 3), scale=torch.ones(1, 1))
    shares = face_nearness(face, motion, (2, 201, 201)).softmax(dim=1)[0, :, 0]
    for x in (-0.12, 0.0, 0.12):
        column, row = ((face[0, brow, :2] + torch.tensor([x, 0.0]) + 1) * 100).round().int().tolist()
        assert shares[[upper, lower], row, column].sum() < 0.01


@pytest.mark.parametrize("roll", [0.0, 0.5])
@pytest.mark.parametrize("height", [0.0, 0.2, 0.4])
def test_lips_keep_themselves_however_wide_a_mouth_is_open(height: float, roll: float) -> None:
    motion = replace(STILL, rotation=from_angles(torch.tensor([[0.0, 0.0, roll]])), translation=torch.zeros(1, 3))
    upper, lower = standing.OPENINGS[2]
    face = torch.from_numpy(standing.face(15))[None].clone()
    face[0, upper, 1] -= 0.3 * height
    face[0, lower, 1] += 0.7 * height
    face[0, list(standing.FACE).index("chin"), 1] += 0.6 * height
    keypoints = motion.scale * product(face, motion.rotation)
    shares = face_nearness(keypoints, motion, (2, 401, 401)).softmax(dim=1)[0, :, 0]
    for lip, beyond in ((upper, -0.02), (lower, 0.02)):
        point = keypoints[0, lip] + motion.scale[0] * beyond * motion.rotation[0, 1]
        column, row = ((point[:2] + 1) * 200).round().int().tolist()
        assert shares[lip, row, column] > 0.5


def test_the_region_is_tilted_with_the_head() -> None:
    roll = 0.5
    tilted = replace(STILL, rotation=from_angles(torch.tensor([[0.0, 0.0, roll]])))
    for x, y, inside in ((0.0, MIDDLE - 0.8, True), (0.7, MIDDLE, True), (0.7, MIDDLE - 0.8, False)):
        for side in (-1, 1):
            at = product(torch.tensor([[[side * x, y, 0.0]]]), tilted.rotation)[0, 0, :2].tolist()
            assert (head_region(tilted, SIZE)[0, 0, 0][place(tilted, *at)] > 0) == inside


@pytest.mark.parametrize("shift", [0.0, -0.5])
def test_the_face_region_is_where_the_head_is(shift: float) -> None:
    motion = replace(STILL, translation=STILL.translation + torch.tensor([shift, 0.0, 0.0]))
    region = head_region(motion, SIZE)[0, 0, 0]
    assert region[place(motion, 0, MIDDLE)] == region.amax() > 0
    assert region[place(motion, 0.5, MIDDLE)] > 0
    assert region[place(motion, 1, MIDDLE)] < 0
    assert region[place(motion, 0, 1)] < 0


def test_surroundings_reach_farther_than_the_head_but_not_down_the_neck() -> None:
    head, place_left = head_and_place(STILL, replace(STILL, translation=STILL.translation + 9.0), SIZE)
    assert (head < 0).all()
    head, around = head_region(STILL, SIZE)[0, 0, 0], place_left[0, 0, 0]
    assert head[place(STILL, 0.95, MIDDLE)] < 0 < around[place(STILL, 0.95, MIDDLE)]
    assert head[place(STILL, 0, MIDDLE - 1.2)] < 0 < around[place(STILL, 0, MIDDLE - 1.2)]
    base_of_the_neck = place(STILL, 0, 0.9)
    assert head[base_of_the_neck] < 0 and around[base_of_the_neck] < 0


@pytest.mark.parametrize("way", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("shrunk", [0.7, 1.0])
def test_a_neck_is_stretched_and_seen_once_below_a_head_that_lifts(way: float, shrunk: float) -> None:
    above = STILL.translation - torch.tensor([0.0, way * 0.5, 0.0])
    lifted = replace(STILL, translation=above, scale=shrunk * STILL.scale)
    _, goes_along = head_and_place(STILL, lifted, SIZE)
    column = place(STILL, 0, 0)[1]
    at = torch.linspace(-1, 1, SIZE[1])
    with_the_head = (at - above[0, 1]) / shrunk + STILL.translation[0, 1]
    seen = torch.lerp(at, with_the_head, goes_along[0, 0, 0, :, column].sigmoid())
    assert (seen.diff() > 0).all()


def test_the_front_of_the_head_is_seen() -> None:
    surface = head_surface(STILL, (41, *SIZE[1:]))[0].permute(1, 2, 0)
    depths = torch.linspace(-1, 1, 41)
    middle, beside, away = (surface[place(STILL, x, MIDDLE)] for x in (0.0, 0.5, 1.2))
    assert depths[middle.argmax()].item() == pytest.approx(-0.5 * HALF_DEPTH, abs=0.026)
    assert depths[middle.argmax()] < depths[beside.argmax()] < 0
    assert away.tolist() == [0.0] * 41


def known(index: int) -> tuple[Tensor, Motion]:
    """Frames of a puppet (T, 3, S, S), and its motion in them."""
    puppet, _ = puppets.puppet(index)
    drawn = puppets.frames(index)
    pixels = np.stack([resized(frame.pixels, SLIM.size, SLIM.size) for frame in drawn])
    rotation = torch.from_numpy(np.stack([frame.pose.rotation for frame in drawn]))
    translation = torch.from_numpy(np.stack([frame.pose.translation for frame in drawn]))
    scale = torch.tensor([[frame.pose.scale] for frame in drawn])
    face = torch.from_numpy(np.stack([frame.face for frame in drawn]))[:, : SLIM.face_keypoints]
    canonical = torch.from_numpy(puppet.canonical)[: SLIM.face_keypoints].expand_as(face)
    expression = (face - translation[:, None]) / scale[:, None] - canonical @ rotation
    body = torch.from_numpy(np.stack([frame.body for frame in drawn]))
    body = body[:, torch.arange(SLIM.body_keypoints) % body.shape[1]]
    frames = torch.from_numpy(pixels.astype(np.float32) / 255).permute(0, 3, 1, 2)
    return frames, Motion(body, canonical, rotation, translation, scale, expression, torch.zeros(len(frames), 2))


@pytest.mark.parametrize("index", [0, 2])
@torch.no_grad()
def test_an_untrained_model_moves_a_person_whose_motion_is_known(index: int) -> None:
    frames, motion = known(index)
    torch.manual_seed(0)
    model = PTUS(SLIM).eval()
    moved = model.render(model.encode(frames[:1]), motion[:1], motion[1:])
    error = (moved - frames[1:]).abs().mean() / (frames[:1] - frames[1:]).abs().mean()
    assert error < 0.8
