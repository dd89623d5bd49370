"""Faces found and followed: a photograph's, and what only looks like one."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from ptus.errors import UserError
from ptus.faces import FaceBox, HaarDetector, YuNetDetector
from ptus.faces.tracking import FaceTracker
from ptus.images import Pixels, read_image, resized

PHOTOS = Path(__file__).parents[2].parent / "shared" / "data" / "photos"


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return np.asarray(data.astronaut())  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def detector() -> HaarDetector:
    return HaarDetector()


def test_one_face_is_found_once(photo: Pixels, detector: HaarDetector) -> None:
    (box,) = detector(photo)
    x, y = box.centre
    assert 205 < x < 240 and 95 < y < 130 and 80 < box.width < 130


def test_two_faces_are_found(photo: Pixels, detector: HaarDetector) -> None:
    assert len(detector(np.concatenate([photo, photo[:, ::-1]], axis=1))) == 2


def test_a_wall_has_no_face(detector: HaarDetector) -> None:
    assert detector(np.full((100, 100, 3), 90, np.uint8)) == []


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the shared photos are not here")
@pytest.mark.parametrize("name", ["s0.jpg", "s3.jpg", "s4.jpg", "s5.jpg", "s8.jpg", "s10.jpg"])
def test_painted_faces_are_found_once(name: str, detector: HaarDetector) -> None:
    assert len(detector(read_image(PHOTOS / name))) == 1


def _shifted(photo: Pixels, right: int, down: int) -> Pixels:
    return np.roll(photo, (down, right), axis=(0, 1))


def test_a_moving_face_is_followed(photo: Pixels, detector: HaarDetector) -> None:
    (box,) = detector(photo)
    tracker = FaceTracker(detector, box)
    for number in range(40):
        followed = tracker.follow(_shifted(photo, 2 * number, number))
    true = box.moved(78, 39)
    assert np.abs(np.subtract(followed, true)).max() < 0.2 * box.width


def test_a_still_face_has_a_still_box(photo: Pixels, detector: HaarDetector) -> None:
    draw = np.random.default_rng(0)
    (box,) = detector(photo)
    tracker = FaceTracker(detector, box)
    boxes = []
    for _ in range(30):
        noisy = (photo + draw.normal(0, 8, photo.shape)).clip(0, 255).astype(np.uint8)
        boxes.append(tracker.follow(noisy))
    found = np.array([detector(noisy)[0] for noisy in [photo]] + boxes)
    assert np.abs(np.diff(found[1:], axis=0)).max() < 0.01 * box.width


def test_a_face_that_is_lost_stays_where_it_was(photo: Pixels, detector: HaarDetector) -> None:
    (box,) = detector(photo)
    tracker = FaceTracker(detector, box)
    for _ in range(7):
        followed = tracker.follow(np.full_like(photo, 90))
    assert followed == pytest.approx(box)


def test_another_face_is_not_taken_for_it(photo: Pixels, detector: HaarDetector) -> None:
    both = np.concatenate([photo, resized(photo, 400, 512)], axis=1)
    first = min(detector(both), key=lambda box: box.x)
    tracker = FaceTracker(detector, first)
    for number in range(10):
        followed = tracker.follow(np.where(number < 3, both, np.roll(both, 512, axis=1)))
    assert isinstance(followed, FaceBox) and abs(followed.x - first.x) < first.width


def test_a_file_that_is_not_yunet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.onnx").write_text("not a network")
    with pytest.raises(UserError, match="not YuNet"):
        YuNetDetector(tmp_path / "words.onnx")
    with pytest.raises(UserError, match="no face detector"):
        YuNetDetector(tmp_path / "nowhere.onnx")
