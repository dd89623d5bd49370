"""Clips and face tracks cut from a raw video."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from statistics import median

from ptus.data.dataset import write_track
from ptus.data.records import ClipRecord
from ptus.data.survey import Piece
from ptus.video import TimedFrame, VideoReader, VideoWriter
from ptus.video.audio import AudioTrack
from ptus.video.opening import open_media

QUALITY = 12
"""x264's rate factor: what it takes away cannot be learned from."""


class ChangedError(Exception):
    """A video gave other frames when it was read again."""


@dataclass(frozen=True)
class Cutter:
    """Cuts clips out of one video, sound included.

    Args:
        raw: the video.
        name: of it, for the clips' metadata.
        identifier: that the clips' ids begin with.
        folder: of the data set.
        size: side of a clip, pixels.
    """

    raw: Path
    name: str
    identifier: str
    folder: Path
    size: int

    def cut(self, pieces: Sequence[Piece]) -> list[ClipRecord]:
        """Make each piece a clip and its face track.

        Args:
            pieces: in order, without overlap.

        Raises:
            ChangedError: where the video no longer gives the frames that were seen; no clip is left then.
            UserError: where a file cannot be written.
        """
        records = []
        names = [f"{self.identifier}-{number:03}" for number in range(len(pieces))]
        try:
            with VideoReader(self.raw) as video:
                frames, passed = iter(video), 0
                for name, piece in zip(names, pieces, strict=True):
                    ready = islice(frames, piece.start - passed, piece.start - passed + len(piece.boxes))
                    records.append(self._cut(ready, piece, video, name))
                    passed = piece.start + len(piece.boxes)
        except ChangedError:
            for name in names:
                self._clip(name).unlink(missing_ok=True)
                self._track(name).unlink(missing_ok=True)
            raise
        return records

    def _cut(self, frames: Iterator[TimedFrame], piece: Piece, video: VideoReader, identifier: str) -> ClipRecord:
        first = next(frames, None)
        if first is None:
            raise ChangedError
        path = self._clip(identifier)
        written, end = 0, first.time
        with VideoWriter(
            path,
            video.rate,
            self.size,
            self.size,
            comment=f"Cut out of {self.name} by ptus prepare",
            quality=QUALITY,
            time_base=video.time_base,
            audio=AudioTrack.of(self.raw, video.origin + first.time),
        ) as writer:
            for frame in chain([first], frames):
                writer.write(piece.crop.cut(frame.pixels, self.size), frame.time - first.time, frame.duration)
                written, end = written + 1, frame.time + frame.duration
        if written < len(piece.boxes):
            raise ChangedError
        left, top, side = piece.crop
        boxes = (box.moved(-left, -top).scaled(self.size / side) for box in piece.boxes)
        write_track(self._track(identifier), boxes)
        return ClipRecord(
            id=identifier,
            fps=str(video.rate),
            frames=written,
            size=self.size,
            audio=has_sound(path),
            start=round(float(first.time), 3),
            seconds=round(float(end - first.time), 3),
            square=side,
            face=round(median(box.height for box in piece.boxes), 1),
            sharpness=round(piece.sharpness, 4),
        )

    def _clip(self, identifier: str) -> Path:
        return self.folder / "clips" / f"{identifier}.mp4"

    def _track(self, identifier: str) -> Path:
        return self.folder / "tracks" / f"{identifier}.csv"


def has_sound(path: Path) -> bool:
    """Whether anything is heard in a video that was written."""
    with open_media(path) as container:
        return any(stream.frames > 0 for stream in container.streams.audio)
