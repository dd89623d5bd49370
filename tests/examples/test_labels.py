"""What labels are made of, apart from MediaPipe itself, which runs in an environment of its own."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from examples import label_with_mediapipe
from examples.label_with_mediapipe import (
    DEPTH,
    IRISES,
    LANDMARKS,
    SOLID,
    Similarity,
    bodies,
    motion_of,
    opening,
    standing_mesh,
)
from ptus.data.dataset import read_clips, write_clips
from ptus.data.puppets import features
from ptus.errors import UserError
from ptus.model import standing
from ptus.model.standing import BODY, FACE
from ptus.training import known
from tests.training.conftest import FRAMES, write_clip

RANDOM = np.random.default_rng(0)
TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


def a_mesh() -> np.ndarray:
    """A face of 478 points whose named ones are where a standing face has them."""
    mesh = RANDOM.uniform(-0.7, 0.7, (478, 3))
    for name, number in LANDMARKS.items():
        mesh[number] = FACE[name]
    mesh[[468, 473]] = standing.IRISES["left iris"], standing.IRISES["right iris"]  # MediaPipe's numbers of them
    return mesh


def test_names_are_those_that_training_knows() -> None:
    assert {*LANDMARKS, *IRISES} == set(known.LANDMARKS)
    assert set(known.LANDMARKS) <= set(features.LANDMARKS)


def test_a_similarity_is_found_again() -> None:
    points = RANDOM.standard_normal((20, 3))
    given = Similarity(0.4, TURN, np.array([0.1, -0.2, 0.3]))
    found = Similarity.between(points, given(points))
    assert found.scale == pytest.approx(0.4)
    np.testing.assert_allclose(found.rotation, TURN, atol=1e-12)
    np.testing.assert_allclose(found.translation, given.translation, atol=1e-12)


def test_a_mirrored_face_is_turned_and_not_mirrored() -> None:
    points = RANDOM.standard_normal((20, 3))
    assert np.linalg.det(Similarity.between(points, points * [-1, 1, 1]).rotation) == pytest.approx(1)


def test_the_standing_face_is_found_in_moved_ones() -> None:
    mesh = a_mesh()
    moved = np.stack([Similarity(0.3, TURN, np.full(3, shift))(mesh) for shift in (0.0, 0.1)])
    lost = np.full_like(mesh, np.nan)[None]
    found = standing_mesh(np.concatenate((moved, lost)))
    np.testing.assert_allclose(found[SOLID], mesh[SOLID], atol=1e-10)


def test_a_body_stands_between_its_shoulders() -> None:
    names = list(BODY)
    left, right = (np.array(BODY[f"{side} shoulder"][:2]) for side in ("left", "right"))
    standing = np.stack((left, right))
    upright = bodies(standing[None])[0]
    np.testing.assert_allclose(upright[:, :2], [BODY[name][:2] for name in names], atol=1e-12)
    turned = bodies(0.5 * standing[None] @ TURN[:2, :2])[0]
    np.testing.assert_allclose(turned[:, :2], 0.5 * upright[:, :2] @ TURN[:2, :2], atol=1e-12)


def test_what_lies_beyond_the_frame_is_not_known() -> None:
    shoulders = np.array([[[-1.2, 0.3], [0.1, 0.3]]])
    points = bodies(shoulders)[0]
    assert np.isnan(points[list(BODY).index("left shoulder")]).all()
    assert np.isfinite(points[list(BODY).index("right shoulder")]).all()


@pytest.mark.filterwarnings("error")
def test_shoulders_that_are_not_seen_leave_the_body_unknown() -> None:
    shoulders = np.full((2, 2, 2), np.nan)
    assert np.isnan(bodies(shoulders)[..., :2]).all()
    shoulders[1] = [[-0.6, 0.3], [0.6, 0.3]]
    points = bodies(shoulders)
    assert np.isnan(points[0, :, :2]).all() and np.isfinite(points[1]).all()


def some_frames(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A mesh that turns and grows, and is lost in the last frame; shoulders that stay."""
    mesh = a_mesh()
    moved = [Similarity(0.3 + 0.01 * frame, TURN, np.array([0.0, 0.1, 0.4]))(mesh) for frame in range(count - 1)]
    return np.stack([*moved, np.full_like(mesh, np.nan)]), np.tile([[-0.6, 0.3], [0.6, 0.3]], (count, 1, 1))


def test_labels_are_the_motion() -> None:
    motion = motion_of(*some_frames(4))
    assert motion.scale[:3, 0].tolist() == pytest.approx([0.30, 0.31, 0.32], rel=1e-5)
    torch.testing.assert_close(motion.rotation[0], torch.from_numpy(TURN).float(), atol=1e-5, rtol=0)
    assert motion.translation[0].tolist() == pytest.approx([0.0, 0.1, DEPTH], abs=1e-5)
    assert motion.expression[:3].abs().max() < 1e-4  # a face that is solid has none
    known_motion = known.KnownMotion.of(motion)
    irises = torch.tensor(list(standing.IRISES.values()))
    torch.testing.assert_close(known_motion.canonical[0, len(FACE) :], irises, atol=1e-4, rtol=0)
    torch.testing.assert_close(known_motion.gaze[:3], torch.zeros(3, 2), atol=1e-3, rtol=0)
    assert known_motion[:3].has_head() and not known_motion[3:].has_head()


def test_clips_are_labelled_once_and_those_without_a_face_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path, [write_clip(tmp_path, "a"), write_clip(tmp_path, "b")])
    meshes, shoulders = some_frames(FRAMES)
    looked_at: list[str] = []

    def seen(path: Path) -> tuple[np.ndarray, np.ndarray]:
        looked_at.append(path.stem)
        return (meshes if path.stem == "a" else np.full_like(meshes, np.nan)), shoulders

    monkeypatch.setattr(label_with_mediapipe, "seen", seen)
    label_with_mediapipe.main(tmp_path)
    assert "b: no face found" in capsys.readouterr().out
    assert [clip.motion is not None for clip in read_clips(tmp_path)] == [True, False]
    label_with_mediapipe.main(tmp_path)
    assert looked_at == ["a", "b", "b"]


def test_without_mediapipe_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clips(tmp_path, [write_clip(tmp_path, "a")])
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(UserError, match="MediaPipe is not here"):
        label_with_mediapipe.main(tmp_path)


def test_an_eye_opens() -> None:
    meshes = np.zeros((3, 478, 3))
    meshes[:, 1, 0] = 1.0  # the corners are one apart
    meshes[:, 2, 1] = [0.0, 0.15, 0.6]
    np.testing.assert_allclose(opening(meshes, 2, 3, 0, 1, 0.3), [0.0, 0.5, 1.0])
