"""Clips of drawn faces, as they are evaluated, and as files."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import pi, sin
from pathlib import Path

from ptus.animation.crop import Crop
from ptus.animation.views import View
from ptus.data.dataset import Clip, Split, write_clips, write_track
from ptus.evaluation.clips import Note
from ptus.images import Pixels
from tests.evaluation.faces import FACE, SIZE, drawn
from tests.video.clips import write_clip


def frames(count: int, phase: float = 0.0) -> list[Pixels]:
    """A face that speaks, blinks once and sways."""
    return [
        drawn(0.0 if index % 8 == 5 else 1.0, abs(sin(index + phase)), 3 * sin(2 * pi * index / 12 + phase))
        for index in range(count)
    ]


@dataclass(frozen=True)
class DrawnClip:
    """An `EvaluatedClip` that is never written to a file."""

    id: str
    frames: int = 9
    phase: float = 0.0

    @property
    def identity(self) -> str:
        return self.id

    @property
    def path(self) -> Path:
        return Path(f"{self.id}.mp4")

    def views(self, size: int, note: Note) -> Iterator[View]:
        square = Crop(0, 0, SIZE)
        for pixels in frames(self.frames, self.phase):
            yield View(pixels, square, square.cut(pixels, size), square.normalised(FACE))


def write_data_set(folder: Path, splits: dict[str, Split], count: int = 6) -> Path:
    """A data set of one drawn clip for each id, each of a person of its own."""
    for part in ("clips", "tracks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    clips = []
    for number, (name, split) in enumerate(splits.items()):
        path, track = folder / "clips" / f"{name}.mp4", folder / "tracks" / f"{name}.csv"
        write_clip(path, frames(count, phase=number))
        write_track(track, [FACE] * count)
        clips.append(Clip(name, f"person {name}", split, Fraction(25), count, SIZE, SIZE, path, track, False))
    write_clips(folder, clips)
    return folder
