"""A data set on disk: DIR/clips.csv lists the clips, which lie in DIR/clips, with a face track each in DIR/tracks."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from ptus.data.tables import Row, read_table, write_table
from ptus.errors import UserError
from ptus.faces import FaceBox

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
LIST = "clips.csv"
COLUMNS = ("id", "identity", "split", "fps", "frames", "width", "height", "track", "audio")
TRACK_COLUMNS = ("frame", "x", "y", "width", "height")
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""What an id may be: it names files."""
AGAIN = "run ptus prepare again"


@dataclass(frozen=True)
class Clip:
    """One clip of a data set.

    Args:
        id: names its files.
        identity: of the person; all clips of one identity are in one split.
        split: train, validation or test.
        fps: frames a second, exact.
        frames: how many.
        width: of every frame, pixels.
        height: as `width`.
        path: of the video, which exists.
        track: of the face track, which exists; read by `face_boxes`.
        audio: whether the video has sound.
        motion: of the true motion, *.safetensors, which only a rendered clip has.
    """

    id: str
    identity: str
    split: Split
    fps: Fraction
    frames: int
    width: int
    height: int
    path: Path
    track: Path
    audio: bool
    motion: Path | None = None

    def face_boxes(self) -> list[FaceBox]:
        """Where the face is, brows to chin, in pixels of the clip: one box a frame.

        Raises:
            UserError: where the track cannot be read or is malformed, naming line and column.
        """
        boxes = read_track(self.track)
        if len(boxes) != self.frames:
            raise UserError(f"{self.track} has {len(boxes)} rows, but the clip {self.frames} frames; {AGAIN}")
        return boxes


def read_clips(folder: Path, split: Split | None = None) -> list[Clip]:
    """The clips of a data set, in the order of clips.csv.

    Args:
        folder: that holds clips.csv.
        split: only the clips of this one; None for all.

    Raises:
        UserError: where clips.csv cannot be read or is malformed, naming line and column, and where a file that it
            names is missing.
    """
    clips: list[Clip] = []
    lines: dict[str, int] = {}
    for row in read_table(folder / LIST, COLUMNS, AGAIN):
        clip = _clip(row, folder)
        if clip.id in lines:
            raise row.error("id", f"an id of its own, which line {lines[clip.id]} has too")
        lines[clip.id] = row.line
        clips.append(clip)
    return [clip for clip in clips if split in (None, clip.split)]


def write_clips(folder: Path, clips: Sequence[Clip]) -> None:
    """Write clips.csv, in the order of the ids; it appears whole or not at all."""
    rows = [
        (
            clip.id,
            clip.identity,
            clip.split,
            str(clip.fps),
            clip.frames,
            clip.width,
            clip.height,
            clip.track.relative_to(folder).as_posix(),
            int(clip.audio),
        )
        for clip in sorted(clips, key=lambda clip: clip.id)
    ]
    write_table(folder / LIST, COLUMNS, rows)


def read_track(path: Path) -> list[FaceBox]:
    """The boxes of a face track.

    Raises:
        UserError: where it cannot be read or is malformed, naming line and column.
    """
    return [_box(row, number) for number, row in enumerate(read_table(path, TRACK_COLUMNS, AGAIN))]


def write_track(path: Path, boxes: Iterable[FaceBox]) -> None:
    """Write a face track, to a hundredth of a pixel; it appears whole or not at all."""
    rows = [(number, *(f"{side:.2f}" for side in box)) for number, box in enumerate(boxes)]
    write_table(path, TRACK_COLUMNS, rows)


def _clip(row: Row, folder: Path) -> Clip:
    name = row.read("id", _name, "a name of letters, digits, '.', '_' and '-'")
    motion = folder / "motion" / f"{name}.safetensors"
    clip = Clip(
        id=name,
        identity=row.read("identity", _text, "a name"),
        split=row.read("split", _split, f"one of {', '.join(SPLITS)}"),
        fps=row.read("fps", _rate, "frames a second as a fraction, like 30000/1001"),
        frames=row.read("frames", _count, "a number of frames"),
        width=row.read("width", _count, "pixels"),
        height=row.read("height", _count, "pixels"),
        path=folder / "clips" / f"{name}.mp4",
        track=folder / row.read("track", _inside, "a path within the data set"),
        audio=row.read("audio", ("0", "1").index, "0 or 1") == 1,
        motion=motion if motion.is_file() else None,
    )
    for file in (clip.path, clip.track):
        if not file.is_file():
            raise UserError(f"{row.path}, line {row.line}: there is no {file}; {AGAIN}")
    return clip


def _box(row: Row, number: int) -> FaceBox:
    if row.read("frame", int, f"{number}") != number:
        raise row.error("frame", f"{number}")
    x, y = (row.read(column, _finite, "pixels") for column in ("x", "y"))
    width, height = (row.read(column, _positive, "pixels, more than 0") for column in ("width", "height"))
    return FaceBox(x, y, width, height)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(text)
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _split(text: str) -> Split:
    return SPLITS[SPLITS.index(text)]


def _rate(text: str) -> Fraction:
    rate = Fraction(text)
    if rate <= 0:
        raise ValueError(text)
    return rate


def _count(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def _inside(text: str) -> Path:
    path = Path(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError(text)
    return path


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _positive(text: str) -> float:
    if _finite(text) <= 0:
        raise ValueError(text)
    return float(text)
