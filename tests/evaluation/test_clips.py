"""What is evaluated: clips of data sets, and video files."""

from pathlib import Path

import numpy as np
import pytest

from ptus.errors import UserError
from ptus.evaluation.clips import face_in_square, read_data
from ptus.faces import FaceBox
from tests.evaluation.clips import frames, write_data_set
from tests.evaluation.faces import FACE, SIZE, KnownFace
from tests.video.clips import write_clip


def test_a_split_of_a_data_set_with_its_tracks(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path, {"a": "test", "b": "train", "c": "test"}, count=3)
    clips = read_data([folder], "test", KnownFace())
    assert [(clip.id, clip.identity, clip.frames) for clip in clips] == [("a", "person a", 3), ("c", "person c", 3)]
    notes: list[str] = []
    views = list(clips[0].views(SIZE // 2, notes.append))
    assert len(views) == 3 and notes == []
    for view, pixels in zip(views, frames(3), strict=True):
        assert view.picture.shape == (SIZE // 2, SIZE // 2, 3)
        assert np.abs(view.frame.astype(int) - pixels).mean() < 4
        assert face_in_square(view) == pytest.approx(FACE.scaled(0.5), abs=0.01)


def test_a_video_file_is_cut_around_the_face(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "talk.mp4", frames(3))
    (clip,) = read_data([path], "test", KnownFace())
    assert (clip.id, clip.identity, clip.frames) == ("talk", "talk", 3)
    view = next(iter(clip.views(128, print)))
    assert view.crop.side == min(view.frame.shape[:2])
    found = face_in_square(view)
    assert found.height == pytest.approx(FACE.height * 128 / view.crop.side, rel=0.01)


def test_a_face_may_be_seen_late(tmp_path: Path) -> None:
    class Late(KnownFace):
        calls = 0

        def __call__(self, pixels: np.typing.NDArray[np.uint8], smallest: float = 0.06) -> list[FaceBox]:
            self.calls += 1
            return super().__call__(pixels, smallest) if self.calls > 2 else []

    assert read_data([write_clip(tmp_path / "talk.mp4", frames(4))], "test", Late())[0].id == "talk"
    with pytest.raises(UserError, match="found no face"):
        read_data([write_clip(tmp_path / "short.mp4", frames(2))], "test", Late())


def test_what_is_cut_off_is_noted(tmp_path: Path) -> None:
    folder = write_data_set(tmp_path, {"a": "test"}, count=12)
    draw = np.random.default_rng(0)
    noisy = [draw.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(12)]
    path = write_clip(folder / "clips" / "a.mp4", noisy, options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    notes: list[str] = []
    count = len(list(read_data([folder], "test", KnownFace())[0].views(128, notes.append)))
    assert notes == [f"{path} is damaged or cut off: {count} of 12 frames could be read"]
