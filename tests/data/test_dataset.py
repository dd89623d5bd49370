"""The list of clips and their tracks, written and read."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from ptus.data.dataset import Clip, read_clips, write_clips, write_track
from ptus.errors import UserError
from ptus.faces import FaceBox

BOXES = [FaceBox(10.0, 12.5, 40.25, 40.0), FaceBox(-1.5, 12.5, 40.25, 40.0), FaceBox(11.0, 13.0, 41.0, 42.0)]


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Two clips of a data set on disk, one of them rendered."""
    for folder in ("clips", "tracks", "motion"):
        (tmp_path / folder).mkdir()
    made = [
        Clip(
            id=name,
            identity="A person, named",
            split="train" if name == "a-1" else "test",
            fps=Fraction(30000, 1001),
            frames=len(BOXES),
            width=256,
            height=256,
            path=tmp_path / "clips" / f"{name}.mp4",
            track=tmp_path / "tracks" / f"{name}.csv",
            audio=name == "a-1",
            motion=tmp_path / "motion" / f"{name}.safetensors" if name == "b.2" else None,
        )
        for name in ("a-1", "b.2")
    ]
    for clip in made:
        clip.path.touch()
        write_track(clip.track, BOXES)
    (tmp_path / "motion" / "b.2.safetensors").touch()
    write_clips(tmp_path, made)
    return made


def test_what_is_written_is_read(clips: list[Clip], tmp_path: Path) -> None:
    assert read_clips(tmp_path) == clips
    assert read_clips(tmp_path, "test") == clips[1:]
    assert read_clips(tmp_path, "validation") == []
    assert clips[0].face_boxes() == BOXES


def test_the_order_written_in_does_not_matter(clips: list[Clip], tmp_path: Path) -> None:
    before = (tmp_path / "clips.csv").read_bytes()
    write_clips(tmp_path, clips[::-1])
    assert (tmp_path / "clips.csv").read_bytes() == before
    assert b"\r" not in before and b"30000/1001" in before


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("a-1,", "../a-1,", "line 2, column id: expected a name"),
        ("a-1,", ".a-1,", "line 2, column id: expected a name"),
        ("b.2,", "a-1,", "line 3, column id: expected an id of its own, which line 2 has too"),
        ('"A person, named"', " ", "line 2, column identity: expected a name"),
        ("train", "training", "line 2, column split: expected one of train, validation, test, got 'training'"),
        ("30000/1001", "30000/0", "line 2, column fps: expected frames a second as a fraction"),
        ("30000/1001", "fast", "line 2, column fps"),
        (",3,", ",-3,", "line 2, column frames"),
        (",256,256", ",256,tall", "line 2, column height: expected pixels, got 'tall'"),
        ("tracks/a-1.csv", "/tracks/a-1.csv", "line 2, column track: expected a path within the data set"),
        ("tracks/a-1.csv", "../tracks/a-1.csv", "line 2, column track: expected a path within the data set"),
        ("tracks/a-1.csv", "tracks/none.csv", "line 2: there is no"),
        (",1\n", ",yes\n", "line 2, column audio: expected 0 or 1, got 'yes'"),
        (",1\n", "\n", "line 2: expected 9 columns"),
        ("id,identity", "identity,id", "line 1: expected the columns id,identity,"),
        ('"A person, named"', '"A person', "not a CSV file"),
    ],
)
def test_a_malformed_list_is_an_error_with_its_line(
    before: str, after: str, says: str, clips: list[Clip], tmp_path: Path
) -> None:
    listed = tmp_path / "clips.csv"
    text = listed.read_text()
    assert before in text
    listed.write_text(text.replace(before, after, 1))
    with pytest.raises(UserError) as raised:
        read_clips(tmp_path)
    assert str(listed) in str(raised.value) and says in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_list_or_clip_is_an_error(clips: list[Clip], tmp_path: Path) -> None:
    clips[1].path.unlink()
    with pytest.raises(UserError, match="line 3: there is no"):
        read_clips(tmp_path)
    with pytest.raises(UserError, match="there is no"):
        read_clips(tmp_path / "elsewhere")
    (tmp_path / "clips.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        read_clips(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("\n1,", "\n2,", "line 3, column frame: expected 1, got '2'"),
        ("12.50", "nan", "line 2, column y"),
        ("40.25", "0", "line 2, column width: expected pixels, more than 0"),
        ("40.25", "wide", "line 2, column width"),
    ],
)
def test_a_malformed_track_is_an_error_with_its_line(before: str, after: str, says: str, clips: list[Clip]) -> None:
    track = clips[0].track
    track.write_text(track.read_text().replace(before, after, 1))
    with pytest.raises(UserError, match=says):
        clips[0].face_boxes()


def test_a_track_has_a_row_for_every_frame(clips: list[Clip]) -> None:
    with pytest.raises(UserError, match="has 3 rows, but the clip 4 frames"):
        replace(clips[0], frames=4).face_boxes()
