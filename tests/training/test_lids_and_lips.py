"""Eyes and mouths that are opened or closed are where their motion says, and hide and show what real ones do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ptus.model import standing
from ptus.training import lids_and_lips
from ptus.training.batch import Batch
from ptus.training.flat_face import FlatFace
from ptus.training.frames import CachedClip
from ptus.training.known import LANDMARKS, KnownMotion
from ptus.training.lids_and_lips import opened
from ptus.training.pairs import Pairs
from tests.training.spotted import SCALE, SIDE, SKIN, WHITE, brightest, known, marked

Changed = tuple[Tensor, KnownMotion]

UPPER_LID, LOWER_LID = standing.OPENINGS[0]
UPPER_LIP, LOWER_LIP = standing.OPENINGS[2]


@pytest.mark.parametrize("name", ["lower lip inner edge", "chin", "left mouth corner", "right mouth corner"])
@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.6])
def test_the_picture_shows_what_is_said(name: str, yaw: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lids_and_lips, "TEETH", 0.0)  # which are as white as the spot
    before, landmark = known(yaw, mouth=0.2), LANDMARKS.index(name)
    moves = []
    for seed in range(8):
        picture, after = opened(marked(before.face[0, landmark, :2]), before, np.random.default_rng(seed))
        moves.append(float((after.face - before.face)[0, landmark].norm()) / SCALE)
        assert (brightest(picture) - after.face[0, landmark, :2]).norm() < 0.04 * SCALE
    assert max(moves) > 0.06


@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.6])
def test_the_picture_shows_where_an_upper_lid_is(yaw: float) -> None:
    before = known(yaw)
    for seed in range(8):
        picture, after = opened(marked(before.face[0, UPPER_LID, :2]), before, np.random.default_rng(seed))
        assert (brightest(picture) - after.face[0, UPPER_LID, :2]).norm() < 0.04 * SCALE


@pytest.mark.parametrize("name", standing.IRISES)
@pytest.mark.parametrize("yaw", [-0.6, 0.0, 0.6])
def test_the_picture_shows_where_an_iris_is(name: str, yaw: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lids_and_lips, "TEETH", 0.0)
    before, iris = known(yaw), LANDMARKS.index(name)
    upper, lower = standing.OPENINGS[list(standing.IRISES).index(name)]
    moves = []
    for seed in range(24):
        picture, after = opened(marked(before.face[0, iris, :2], 0.02), before, np.random.default_rng(seed))
        if (after.face[0, lower] - after.face[0, upper]).norm() > 0.1 * SCALE:
            assert (brightest(picture) - after.face[0, iris, :2]).norm() < 0.012 * SCALE
            moves.append((after.face - before.face)[0, iris] / SCALE)
    assert len(moves) > 5 and torch.stack(moves).norm(dim=1).max() > 0.04


def test_an_iris_that_goes_to_a_corner_stays_as_high_as_it_is() -> None:
    face = FlatFace.of(marked(torch.zeros(2)), known())
    assert face is not None
    iris, eye = LANDMARKS.index("left iris"), standing.OPENINGS[0]
    before = face.places[iris].clone()
    lids_and_lips._move_iris(face, eye, iris, 0.06)
    assert (face.places[iris] - before).tolist() == pytest.approx([0.06, 0.0], abs=1e-6)
    lids_and_lips._move_iris(face, eye, iris, -0.06)  # what lids hid is drawn out: farther from the corners' height
    assert float(face.places[iris, 1] - before[1]) == pytest.approx(-0.008, abs=0.002)


def test_an_iris_goes_with_lids_that_open_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lids_and_lips, "LOOKING", 0.0)
    monkeypatch.setattr(lids_and_lips, "WIDEST_EYE", 2.0)
    before, iris = known(), LANDMARKS.index("left iris")
    moves = []
    for seed in range(12):
        picture, after = opened(marked(before.face[0, iris, :2], 0.02), before, np.random.default_rng(seed))
        if (after.face[0, LOWER_LID] - after.face[0, UPPER_LID]).norm() > 0.16 * SCALE:
            assert (brightest(picture) - after.face[0, iris, :2]).norm() < 0.015 * SCALE
            moves.append(float((after.face - before.face)[0, iris].norm()) / SCALE)
    assert len(moves) > 2 and max(moves) > 0.04


def test_it_is_eyes_mouth_and_chin_that_move() -> None:
    before = known()
    moves = torch.stack(
        [
            (opened(marked(before.face[0, 0, :2]), before, np.random.default_rng(seed))[1].face - before.face)[0]
            for seed in range(40)
        ]
    )
    down = moves @ before.rotation[0, 1] / SCALE
    sideways = (moves @ before.rotation[0, 0] / SCALE).abs().amax(dim=0)
    to_the_side = [number for number, name in enumerate(LANDMARKS) if {"corner", "iris"} & set(name.split())]
    assert all((sideways[number] > 0.02) == (number in to_the_side) for number in range(len(LANDMARKS)))
    assert (moves @ before.rotation[0, 2]).abs().max() < 1e-6
    moving = [number for number in range(len(LANDMARKS)) if down[:, number].abs().amax() > 1e-5]
    names = {LANDMARKS[number] for number in moving}
    assert names == {
        name for name in LANDMARKS if any(part in name for part in ("lid", "iris", "mouth", "lip", "chin"))
    }
    openings = (down[:, LOWER_LIP] - down[:, UPPER_LIP]).sort().values
    assert openings[0] == 0 and openings[-1] > 0.8 * lids_and_lips.WIDEST_MOUTH
    assert 0.1 < (openings < 1e-5).float().mean() < 0.5
    eyes = down[:, LOWER_LID] - down[:, UPPER_LID]
    height = standing.FACE[LANDMARKS[LOWER_LID]][1] - standing.FACE[LANDMARKS[UPPER_LID]][1]
    assert eyes.min() < -0.9 * height and eyes.max() > 0.15 * height


def test_a_lid_hides_the_eyeball(monkeypatch: pytest.MonkeyPatch) -> None:
    before = known()
    middle = before.face[0, [UPPER_LID, LOWER_LID], :2].mean(dim=0)
    pictures = {}
    for widest in (0.0, 1.0):
        monkeypatch.setattr(lids_and_lips, "WIDEST_EYE", widest)
        monkeypatch.setattr(lids_and_lips, "TEETH", 0.0)
        pictures[widest], after = opened(marked(middle, 0.02), before, np.random.default_rng(5))
        if widest == 0:
            assert (after.face[0, UPPER_LID] - after.face[0, LOWER_LID]).norm() < 0.03 * SCALE
    assert pictures[0.0].amax() < SKIN + 0.3 * (WHITE - SKIN) < pictures[1.0].amax()


def test_the_inside_of_a_closed_mouth_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lids_and_lips, "SHUT", 0.0)
    monkeypatch.setattr(lids_and_lips, "TEETH", 0.0)
    monkeypatch.setattr(lids_and_lips, "TONGUE", 0.0)
    before, skin = known(), torch.full((1, 3, SIDE, SIDE), SKIN)
    drawn = [opened(skin, before, np.random.default_rng(seed)) for seed in range(10)]
    picture, after = max(drawn, key=lambda of: float(of[1].face[0, LOWER_LIP, 1] - of[1].face[0, UPPER_LIP, 1]))
    middle = after.face[0, [UPPER_LIP, LOWER_LIP], :2].mean(dim=0)
    column, row = ((middle + 1) / 2 * (SIDE - 1)).round().long().tolist()
    assert (picture[0, :, row, column] < 0.35).all()
    assert (picture[0] < 0.35).float().mean() < 0.05  # and nothing else


def test_a_mouth_whose_inside_is_not_to_be_painted_opens_as_far_as_it_stretches() -> None:
    skin = torch.full((1, 3, SIDE, SIDE), SKIN)
    for seed in range(10):
        for mouth in (0.0, 0.1):
            picture, after = opened(skin, known(mouth=mouth), np.random.default_rng(seed), painted=False)
            assert (after.face[0, LOWER_LIP] - after.face[0, UPPER_LIP]).norm() < (0.06 + mouth) * SCALE
            torch.testing.assert_close(picture, skin)


def test_the_inside_of_an_open_mouth_stays() -> None:
    before = known(mouth=0.3)
    middle = before.face[0, [UPPER_LIP, LOWER_LIP], :2].mean(dim=0)
    picture = marked(middle)
    for seed in range(10):
        found, after = opened(picture, before, np.random.default_rng(seed))
        if (after.face[0, LOWER_LIP] - after.face[0, UPPER_LIP]).norm() > 0.15 * SCALE:
            inside = after.face[0, [UPPER_LIP, LOWER_LIP], :2].mean(dim=0)
            assert (brightest(found) - inside).norm() < 0.05 * SCALE
            return
    raise AssertionError("no mouth was left open")


def test_a_head_seen_from_the_side_is_left() -> None:
    before, picture = known(yaw=1.4), torch.rand(1, 3, SIDE, SIDE)
    found, after = opened(picture, before, np.random.default_rng(0))
    assert found is picture and after is before


def pairs(known_motion: KnownMotion, share: float, monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Of a clip of two equal frames."""
    monkeypatch.setattr("ptus.training.pairs.OPENED", share)
    monkeypatch.setattr("ptus.training.pairs.TURNED", 0.0)
    monkeypatch.setattr("ptus.training.pairs.PROPORTIONED", 0.0)
    frames = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), np.uint8).repeat(2, axis=0)
    boxes = np.array([[-0.3, -0.4, 0.3, 0.2]] * 2, np.float32)
    drawn = Pairs([CachedClip(frames, boxes, known_motion)], seed=0)
    return [drawn[number] for number in range(12)]


def twice(motion: KnownMotion) -> KnownMotion:
    return KnownMotion(*(tensor.repeat(2, *[1] * (tensor.dim() - 1)) for tensor in motion.tensors()))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_frames_of_pairs_are_changed_where_their_motion_is_known(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for sample in pairs(twice(known()), share, monkeypatch):
        faces = [KnownMotion.unpacked(packed).face for packed in (sample.source_known, sample.driving_known)]
        assert torch.equal(*faces) == (share == 0)
        assert torch.equal(sample.source, sample.driving) == (share == 0)


def test_insides_of_mouths_are_painted_in_sources_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def noted(picture: Tensor, motion: KnownMotion, random: np.random.Generator, *, painted: bool) -> Changed:
        asked.append(painted)
        return picture, motion

    monkeypatch.setattr("ptus.training.pairs.opened", noted)
    pairs(twice(known()), 1.0, monkeypatch)
    assert asked == [True, False] * 12


def test_frames_of_pairs_stay_where_their_motion_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = replace(twice(known()), face=torch.full((2, len(LANDMARKS), 3), torch.nan))
    for sample in pairs(unknown, 1.0, monkeypatch):
        assert torch.equal(sample.source, sample.driving)
