"""What became of each raw video or puppet: DIR/records/<key>.json, written last, so that what is there is done."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ptus.data.dataset import Clip
from ptus.data.splits import split_of
from ptus.errors import UserError
from ptus.files import replacing

FOLDER = "records"


@dataclass(frozen=True)
class ClipRecord:
    """A clip that was made.

    Args:
        id: of the clip.
        fps: a fraction.
        frames: how many.
        size: side of the clip, pixels.
        audio: whether it has sound.
        start: where it begins in the raw video, seconds.
        seconds: how long it is.
        square: side of the square in the raw video, pixels.
        face: median height of the face in the raw video, pixels.
        sharpness: median of the face's, as `face_sharpness` measures it.
    """

    id: str
    fps: str
    frames: int
    size: int
    audio: bool
    start: float
    seconds: float
    square: int
    face: float
    sharpness: float


@dataclass(frozen=True)
class Rejection:
    """A part of a raw video that no clip was made of.

    Args:
        reason: why not.
        start: in the raw video, seconds.
        end: as `start`.
    """

    reason: str
    start: float
    end: float


@dataclass(frozen=True)
class Record:
    """What became of one raw video or puppet.

    Args:
        key: names the record; of a raw video, made from what is in the file.
        name: as the user knows it.
        identity: of the person.
        seconds: how long the raw video is.
        clips: that were made.
        rejections: parts that were left out.
        damage: what was wrong with the file, though some of it could be read; None for nothing.
        error: why nothing of it could be read; None where it could.
    """

    key: str
    name: str
    identity: str
    seconds: float = 0.0
    clips: list[ClipRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    damage: str | None = None
    error: str | None = None

    def listed(self, folder: Path) -> list[Clip]:
        """Its clips, as the data set in a folder lists them."""
        return [
            Clip(
                id=clip.id,
                identity=self.identity,
                split=split_of(self.identity),
                fps=Fraction(clip.fps),
                frames=clip.frames,
                width=clip.size,
                height=clip.size,
                path=folder / "clips" / f"{clip.id}.mp4",
                track=folder / "tracks" / f"{clip.id}.csv",
                audio=clip.audio,
            )
            for clip in self.clips
        ]


def write_record(folder: Path, record: Record) -> None:
    """Keep a record in a data set's folder."""
    with replacing(folder / FOLDER / f"{record.key}.json") as partial:
        partial.write_text(json.dumps(asdict(record), indent=1, sort_keys=True), encoding="utf-8")


def read_records(folder: Path) -> dict[str, Record]:
    """All records of a data set's folder by their keys, in order; those whose clips are gone are left out.

    Raises:
        UserError: where one is damaged.
    """
    records = (_read(path) for path in sorted((folder / FOLDER).glob("[!.]*.json")))
    return {record.key: record for record in records if _complete(folder, record)}


def _complete(folder: Path, record: Record) -> bool:
    clips: Iterable[Clip] = record.listed(folder)
    return all(clip.path.is_file() and clip.track.is_file() for clip in clips)


def _read(path: Path) -> Record:
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        clips = [ClipRecord(**clip) for clip in stored.pop("clips")]
        rejections = [Rejection(**rejection) for rejection in stored.pop("rejections")]
        return Record(**stored, clips=clips, rejections=rejections)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}); delete it to have its clips made anew") from error
