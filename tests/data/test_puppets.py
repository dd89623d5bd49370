"""What is known about a puppet is what is drawn."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from ptus.animation.crop import FACE_LEVEL, FACE_SHARE
from ptus.data.puppets.acting import Performance
from ptus.data.puppets.clips import FPS, PuppetClip
from ptus.data.puppets.features import LANDMARKS, NEUTRAL, face_of, landmarks
from ptus.data.puppets.person import Floats, make_person
from ptus.data.puppets.rendering import Drawn, Puppet
from ptus.data.puppets.torso import KEYPOINTS
from ptus.data.truth import read_motion
from ptus.errors import UserError
from ptus.model.rotation import from_angles
from ptus.video import VideoReader
from tests.data.puppets import SIZE, frames, puppet
from tests.video.clips import sound_levels

LARGE = 2 * SIZE


def still(**given: float | tuple[float, ...]) -> Performance:
    """One frame of a puppet at rest, but for what is given: angles of head and body (yaw, pitch, roll), openness, …"""

    def turned(name: str) -> Floats:
        return np.asarray(from_angles(torch.tensor([given.get(name, (0.0, 0.0, 0.0))])))

    def numbers(name: str, *usual: float) -> Floats:
        return np.array([given.get(name, usual)], np.float32).reshape(1, -1)

    return Performance(
        head=turned("head"),
        head_shift=numbers("head_shift", 0, 0, 0),
        head_size=numbers("head_size", 1)[:, 0],
        eyes=numbers("eyes", 1, 1),
        mouth=numbers("mouth", 0)[:, 0],
        smile=numbers("smile", 0)[:, 0],
        brows=numbers("brows", 0)[:, 0],
        gaze=numbers("gaze", 0, 0),
        body=turned("body"),
        body_shift=numbers("body_shift", 0, 0, 0),
        shrug=numbers("shrug", 0)[:, 0],
    )


@pytest.fixture(scope="module")
def plain() -> Puppet:
    """A puppet without glasses, beard or hair over its face."""
    person = make_person(np.random.default_rng((0, 0)))
    return Puppet(replace(person, glasses=False, beard=0.0, fringe=-0.85, sides=-0.2, skin=(0.9, 0.7, 0.6)), LARGE)


def colour_at(drawn: Drawn, point: Floats) -> Floats:
    """The colour at a point of the frame, 0 to 1."""
    x, y = ((point[:2] + 1) * len(drawn.pixels) / 2).astype(int)
    return np.asarray(drawn.pixels[y, x] / 255)


def lower(point: Floats, by: float) -> Floats:
    return np.asarray(point + np.array((0, by, 0)))


def landmark(drawn: Drawn, name: str) -> Floats:
    return np.asarray(drawn.face[LANDMARKS.index(name)])


POSES = [(0.0, 0.0, 0.0), (0.4, 0.0, 0.0), (-0.4, 0.15, 0.0), (0.0, -0.25, 0.15), (0.25, 0.2, -0.2)]


@pytest.mark.parametrize("head", POSES)
def test_an_open_mouth_is_dark_between_the_lips_and_a_closed_one_is_not(plain: Puppet, head: tuple[float, ...]) -> None:
    opened = plain.draw(still(head=head, mouth=1.0), 0)
    upper, lower = landmark(opened, "upper lip inner edge"), landmark(opened, "lower lip inner edge")
    inside = colour_at(opened, upper + 0.55 * (lower - upper))
    # Red of the mouth's inside or of the tongue: green and blue are far below skin's.
    assert inside[1] < 0.45 and inside[0] > 1.5 * inside[1]
    closed = plain.draw(still(head=head), 0)
    gap = landmark(closed, "lower lip inner edge") - landmark(closed, "upper lip inner edge")
    assert np.abs(gap).max() < 1e-6
    assert lower[1] - upper[1] > 0.06


@pytest.mark.parametrize("head", POSES)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("right", [-1.0, 1.0])
def test_an_iris_is_drawn_where_its_landmark_is(
    plain: Puppet, head: tuple[float, ...], side: str, right: float
) -> None:
    drawn = plain.draw(still(head=head, gaze=(right, 0.0)), 0)
    lids = [landmark(drawn, f"{side} eye {lid} lid") for lid in ("upper", "lower")]
    iris, middle = landmark(drawn, f"{side} iris"), (lids[0] + lids[1]) / 2
    assert np.linalg.norm(iris - middle) > 0.02
    away = 2 * middle - iris
    assert colour_at(drawn, away).mean() > 2 * colour_at(drawn, iris).mean()


@pytest.mark.parametrize("head", POSES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_open_eye_shows_white_and_iris_and_a_closed_one_skin(
    plain: Puppet, head: tuple[float, ...], side: str
) -> None:
    opened = plain.draw(still(head=head), 0)
    corners = [landmark(opened, f"{side} eye {corner} corner") for corner in ("outer", "inner")]
    middle = (landmark(opened, f"{side} eye upper lid") + landmark(opened, f"{side} eye lower lid")) / 2
    iris, skin = colour_at(opened, middle), np.array(plain.person.skin)
    white = colour_at(opened, middle + 0.68 * (corners[1] - middle))
    assert white.min() > 1.5 * iris.mean()
    assert white.min() > 0.85 * white.max() and skin.min() < 0.7 * skin.max(), "white is grey in shadow, never skin"
    shut = plain.draw(still(head=head, eyes=(0.0, 0.0)), 0)
    lid = colour_at(shut, landmark(opened, f"{side} eye upper lid") * 0.7 + middle * 0.3)
    hue = lid / lid.sum()
    assert np.abs(hue - skin / skin.sum()).max() < 0.04 and lid[0] > lid[1] > lid[2]


def test_each_eye_closes_by_itself(plain: Puppet) -> None:
    both, left, right = (plain.draw(still(eyes=eyes), 0) for eyes in ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0)))
    middle = LARGE // 2
    assert (both.pixels[:, middle:] == left.pixels[:, middle:]).all()
    assert (both.pixels[:, : middle - 1] == right.pixels[:, : middle - 1]).all()
    assert np.abs(both.pixels.astype(int) - left.pixels).max() > 60


def test_the_chin_is_where_the_face_ends(plain: Puppet) -> None:
    for mouth in (0.0, 1.0):
        drawn = plain.draw(still(mouth=mouth), 0)
        chin = landmark(drawn, "chin")
        above, below = (colour_at(drawn, lower(chin, away)) for away in (-0.03, 0.05))
        assert above.mean() - below.mean() > 0.05, "the neck is in the chin's shadow"


def test_what_turns_right_goes_right_and_far_points_go_the_other_way(plain: Puppet) -> None:
    # Row vectors: the nose points along -z; R_yaw takes it to (-sin, 0, -cos).
    turned, ahead = plain.draw(still(head=(-0.5, 0, 0)), 0), plain.draw(still(), 0)
    moved = turned.face - ahead.face
    assert moved[LANDMARKS.index("nose tip"), 0] > 0.1
    assert moved[LANDMARKS.index("left temple"), 0] > moved[LANDMARKS.index("right temple"), 0]
    np.testing.assert_allclose(turned.pose.rotation, from_angles(torch.tensor([[-0.5, 0.0, 0.0]]))[0], atol=1e-6)


def test_a_head_turns_as_a_solid(plain: Puppet) -> None:
    for head in POSES:
        drawn = plain.draw(still(head=head), 0)
        pose = drawn.pose
        np.testing.assert_allclose(
            drawn.face, pose.scale * (plain.canonical @ pose.rotation) + pose.translation, atol=1e-6
        )


@pytest.mark.parametrize("index", [0, 1, 2])
def test_landmarks_lie_on_the_surface_that_is_drawn(index: int) -> None:
    drawn, performance = puppet(index)
    egg = face_of(drawn.person, NEUTRAL).skull
    for point, name in zip(landmarks(face_of(drawn.person, NEUTRAL)), LANDMARKS, strict=True):
        if name != "nose tip":
            height, narrow = egg._height(np.array(point[1]))
            assert (point[0] / (egg.width * narrow)) ** 2 + height**2 + (point[2] / (egg.depth * narrow)) ** 2 == (
                pytest.approx(1, abs=1e-5)
            ), name
    assert len(performance.mouth) == 4 * FPS


def test_shoulders_are_where_the_clothes_end() -> None:
    drawn, _ = puppet(0)
    for body in ((0.0, 0.0, 0.0), (0.3, 0.0, 0.0), (0.0, 0.0, 0.1)):
        low, high = (drawn.draw(still(body=body, shrug=shrug), 0) for shrug in (0.0, 0.07))
        for side, outwards in (("left", -1), ("right", 1)):
            shoulder = low.body[KEYPOINTS.index(f"{side} shoulder")]
            raised = high.body[KEYPOINTS.index(f"{side} shoulder")]
            assert raised[1] < shoulder[1] - 0.05
            beyond = lower(shoulder, -0.12)[:2] + np.array((0.14 * outwards, 0))
            alike = np.abs(colour_at(low, lower(shoulder, 0.03)) - colour_at(high, lower(raised, 0.03))).max()
            assert alike < 0.12, "the same cloth lies below the shoulder wherever it is"
            x, y = ((beyond + 1) * SIZE / 2).astype(int)
            backdrop = drawn._backdrop.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3))[y, x]
            assert np.abs(low.pixels[y, x] / 255 - backdrop).max() < 0.02, "there is nothing beyond it"


def test_the_face_is_framed_as_real_clips_are(plain: Puppet) -> None:
    box = plain.face_box(plain.draw(still(), 0))
    assert box.height / LARGE == pytest.approx(FACE_SHARE, abs=1e-3)
    assert box.centre[1] / LARGE == pytest.approx(FACE_LEVEL, abs=0.05)
    assert box.centre[0] / LARGE == pytest.approx(0.5, abs=0.01)


def test_people_differ() -> None:
    pictures = [frames(index)[0].pixels.astype(float) for index in range(4)]
    assert min(np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]) > 15


def test_motion_is_smooth_and_the_eyes_blink_and_the_mouth_moves() -> None:
    for index in range(4):
        _, performance = puppet(index)
        for track in (performance.head, performance.body, performance.head_shift, performance.smile):
            assert np.abs(np.diff(track, axis=0)).max() < 0.12
        assert performance.eyes.min(1).min() < 0.05 and performance.eyes.max() > 0.8
        assert performance.mouth.max() > 0.6 and performance.mouth.min() < 0.1


def test_a_clip_holds_the_truth(tmp_path: Path) -> None:
    task = PuppetClip(seed=5, index=1, size=64, frames=20)
    record = task.run(tmp_path)
    motion = read_motion(tmp_path / "motion" / f"{task.key}.safetensors")
    assert motion.rotation.shape == (20, 3, 3) and motion.face.shape == (20, len(LANDMARKS), 3)
    assert (
        motion.body.shape == (20, len(KEYPOINTS), 3) and motion.eyes.shape == (20, 2) and motion.mouth.shape == (20, 1)
    )
    unit = torch.eye(3).expand(20, 3, 3)
    torch.testing.assert_close(motion.rotation @ motion.rotation.transpose(1, 2), unit, atol=1e-5, rtol=0)
    # What only the head moves has no expression; the lips have as much as the mouth is open.
    rigid = [motion.face_names.index(name) for name in ("nose tip", "left eye outer corner", "left temple")]
    assert motion.expression[:, rigid].abs().max() < 1e-5
    lip = motion.expression[:, motion.face_names.index("lower lip inner edge")].norm(dim=-1)
    assert torch.corrcoef(torch.stack((lip, motion.mouth[:, 0])))[0, 1] > 0.95
    with VideoReader(tmp_path / "clips" / f"{task.key}.mp4") as video:
        assert video.rate == Fraction(FPS) and len(list(video)) == 20
    assert record.clips[0].frames == 20 and record.identity == task.key


def test_the_voice_is_as_loud_as_the_mouth_is_open(tmp_path: Path) -> None:
    task = PuppetClip(seed=0, index=0, size=64, frames=50)
    task.run(tmp_path)
    levels, rate = sound_levels(tmp_path / "clips" / f"{task.key}.mp4")
    mouth = read_motion(tmp_path / "motion" / f"{task.key}.safetensors").mouth[:, 0].numpy()
    length = rate // FPS
    loudness = np.array([np.sqrt(np.mean(levels[n * length : (n + 1) * length] ** 2)) for n in range(50)])
    correlations = [np.corrcoef(np.roll(loudness, shift)[5:-5], mouth[5:-5])[0, 1] for shift in range(-4, 5)]
    assert correlations[4] > 0.9 and np.argmax(correlations) == 4, "at the right time, too"


def test_what_is_no_motion_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"no tensors")
    for name in ("a", "b"):
        with pytest.raises(UserError, match="render it anew"):
            read_motion(tmp_path / f"{name}.safetensors")
