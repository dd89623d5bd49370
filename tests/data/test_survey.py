"""Which parts of raw videos become clips."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ptus.data.sharpness import face_sharpness
from ptus.data.shots import ShotDetector
from ptus.data.survey import BLURRED, Limits, Survey, survey
from ptus.faces import FaceBox, HaarDetector
from ptus.images import Pixels
from ptus.video import VideoReader
from tests.data.puppets import FPS, RECOGNISED, SIZE, blurred, frames, puppet, shot, write_joined
from tests.video.clips import write_clip

LIMITS = Limits(size=128, shortest=1.0, longest=10.0)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of two puppets, with parts that cannot be used."""
    return write_joined(tmp_path_factory.mktemp("joined") / "joined.mp4")


def surveyed(path: Path, limits: Limits = LIMITS) -> Survey:
    with VideoReader(path) as video:
        return survey(video, HaarDetector(), limits)


def reasons(result: Survey) -> dict[str, float]:
    return {rejection.reason: rejection.end - rejection.start for rejection in result.rejections}


def test_shots_are_told_apart_and_motion_is_not_a_cut() -> None:
    detector = ShotDetector()
    pictures = [drawn.pixels for index in (0, 1, 2) for drawn in frames(index)]
    starts = [number for number, picture in enumerate(pictures) if detector.starts(picture)]
    assert starts == [0, 8, 16]


def test_light_and_zoom_are_no_cuts() -> None:
    picture = frames(0)[0].pixels
    detector = ShotDetector()
    assert detector.starts(picture)
    for step in range(1, 12):
        rim = 2 * step
        zoomed = cv2.resize(picture[rim : SIZE - rim, rim : SIZE - rim], (SIZE, SIZE))
        assert not detector.starts(np.clip(zoomed * (1 + 0.02 * step), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("index", RECOGNISED)
def test_blur_is_measured_whatever_the_light_and_size(index: int) -> None:
    drawn, _ = puppet(index)
    frame = frames(index)[0]
    box = drawn.face_box(frame)
    sharp = face_sharpness(frame.pixels, box)
    assert sharp > 2 * BLURRED > 2 * face_sharpness(blurred([frame.pixels])[0], box)
    assert face_sharpness((frame.pixels * 0.4).astype(np.uint8), box) == pytest.approx(sharp, rel=0.25)
    assert face_sharpness(frame.pixels, FaceBox(-50, -50, 20, 20)) == 0


def test_each_part_is_a_clip_or_has_a_reason(joined: Path) -> None:
    result = surveyed(joined)
    assert [(piece.start, len(piece.boxes)) for piece in result.pieces] == [(0, 50), (75, 50)]
    left_out = reasons(result)
    assert left_out == {"no face": pytest.approx(1.0), "blurred face": pytest.approx(2.0)}
    assert result.seconds == pytest.approx(7.0)
    for piece in result.pieces:
        assert piece.sharpness > BLURRED and piece.crop.side >= 128
        for box in piece.boxes:
            assert piece.crop.left <= box.x and box.y >= piece.crop.top


def test_the_square_is_placed_by_the_face(joined: Path) -> None:
    for piece, index in zip(surveyed(joined).pieces, RECOGNISED, strict=True):
        truth = puppet(index)[0].face_box(frames(index)[0])
        middle = np.median([box.centre for box in piece.boxes], axis=0)
        assert np.abs(middle - truth.centre).max() < 0.25 * truth.width
        assert abs(piece.crop.side - SIZE) < 0.25 * SIZE


def test_long_shots_are_cut_and_short_ones_left_out(joined: Path) -> None:
    cut = surveyed(joined, Limits(size=128, shortest=0.5, longest=0.8))
    assert [(piece.start, len(piece.boxes)) for piece in cut.pieces] == [
        (0, 16), (16, 17), (33, 17), (75, 16), (91, 17), (108, 17),
    ]  # fmt: skip
    assert reasons(surveyed(joined, Limits(size=128, shortest=2.5, longest=9.0)))["too short"] == pytest.approx(2.0)


def test_what_has_too_few_pixels_is_left_out(joined: Path) -> None:
    result = surveyed(joined, Limits(size=256, shortest=1.0, longest=9.0))
    assert not result.pieces and "small face" in reasons(result)


def pasted(pictures: list[Pixels], width: int, *columns: int) -> list[Pixels]:
    """The pictures on a wide grey frame, once at each column."""
    wide = []
    for picture in pictures:
        frame = np.full((SIZE, width, 3), 90, np.uint8)
        for column in columns:
            frame[:, column : column + SIZE] = picture
        wide.append(frame)
    return wide


def test_a_second_face_is_in_the_way_only_where_it_is_in_the_square(tmp_path: Path) -> None:
    pictures = shot(0, 30)
    apart = pasted(pictures, 3 * SIZE, 10, 2 * SIZE - 10)
    assert len(surveyed(write_clip(tmp_path / "apart.mp4", apart)).pieces) == 1
    close = [frame.copy() for frame in pictures]
    face = puppet(0)[0].face_box(frames(0)[0])
    y, x, side = round(face.y) - 12, round(face.x) - 12, round(face.width) + 24
    for frame in close:
        frame[SIZE - side :, SIZE - side :] = frame[y : y + side, x : x + side]
    result = surveyed(write_clip(tmp_path / "close.mp4", close))
    assert not result.pieces and reasons(result) == {"several faces": pytest.approx(1.2)}


def test_a_face_that_goes_away_is_lost_from_when_it_was_last_seen(tmp_path: Path) -> None:
    pictures = shot(0, 40)
    gone = [frame.copy() for frame in pictures]
    for frame in gone:
        frame[: SIZE // 2] = cv2.GaussianBlur(frame[: SIZE // 2], (0, 0), 14)
    result = surveyed(write_clip(tmp_path / "gone.mp4", pictures + gone))
    assert len(result.pieces) == 1 and abs(len(result.pieces[0].boxes) - 40) <= 3
    assert result.rejections[0].reason == "lost face"


def test_a_head_without_a_body_is_left_out(tmp_path: Path) -> None:
    face = puppet(0)[0].face_box(frames(0)[0])
    y, x, side = round(face.y) - 18, round(face.x) - 14, round(face.width) + 28
    heads = [cv2.resize(frame[y : y + side, x : x + side], (SIZE, SIZE)) for frame in shot(0, 30)]
    result = surveyed(write_clip(tmp_path / "head.mp4", [head.astype(np.uint8) for head in heads]))
    assert not result.pieces and reasons(result) == {"no upper body in view": pytest.approx(30 / FPS)}


def test_a_face_that_walks_out_of_the_square_is_left_out(tmp_path: Path) -> None:
    pictures = [
        pasted([picture], 3 * SIZE, 5 * number)[0] for number, picture in enumerate(shot(0, 1) * (2 * SIZE // 5))
    ]
    result = surveyed(write_clip(tmp_path / "walk.mp4", pictures))
    assert not result.pieces and reasons(result) == {"face leaves the square": pytest.approx(len(pictures) / FPS)}
