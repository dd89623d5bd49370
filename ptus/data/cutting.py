"""Clips and face tracks cut from a raw video."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from statistics import median

from ptus.data.dataset import write_track
from ptus.data.records import ClipRecord
from ptus.data.survey import Piece
from ptus.errors import UserError
from ptus.video import TimedFrame, VideoReader, VideoWriter
from ptus.video.audio import AudioTrack
from ptus.video.opening import open_media

QUALITY = 12
"""x264's rate factor: what it takes away cannot be learned from."""


def cut_pieces(
    raw: Path, pieces: Sequence[Piece], size: int, folder: Path, name: str, identifier: str
) -> list[ClipRecord]:
    """Cut pieces out of a video, sound included; each becomes a clip and its face track.

    Args:
        raw: the video.
        pieces: in order, without overlap.
        size: side of a clip, pixels.
        folder: of the data set.
        name: of the raw video, for the clips' metadata.
        identifier: that the clips' ids begin with.

    Raises:
        UserError: where the video no longer gives the frames that were seen, or a file cannot be written.
    """
    records = []
    with VideoReader(raw) as video:
        frames, passed = iter(video), 0
        for number, piece in enumerate(pieces):
            ready = islice(frames, piece.start - passed, piece.start - passed + len(piece.boxes))
            records.append(_cut(ready, piece, size, folder, f"{identifier}-{number:03}", name, video, raw))
            passed = piece.start + len(piece.boxes)
    return records


def _cut(
    frames: Iterator[TimedFrame],
    piece: Piece,
    size: int,
    folder: Path,
    identifier: str,
    name: str,
    video: VideoReader,
    raw: Path,
) -> ClipRecord:
    first = next(frames, None)
    if first is None:
        raise UserError(f"{raw} has changed while it was read; run the command again")
    path = folder / "clips" / f"{identifier}.mp4"
    track = folder / "tracks" / f"{identifier}.csv"
    written, end = 0, first.time
    with VideoWriter(
        path,
        video.rate,
        size,
        size,
        comment=f"Cut out of {name} by ptus prepare",
        quality=QUALITY,
        time_base=video.time_base,
        audio=AudioTrack.of(raw, video.origin + first.time),
    ) as writer:
        for frame in chain([first], frames):
            writer.write(piece.crop.cut(frame.pixels, size), frame.time - first.time, frame.duration)
            written, end = written + 1, frame.time + frame.duration
    if written != len(piece.boxes):
        path.unlink()
        raise UserError(f"{raw} has changed while it was read; run the command again")
    left, top, side = piece.crop
    write_track(track, (box.moved(-left, -top).scaled(size / side) for box in piece.boxes))
    return ClipRecord(
        id=identifier,
        fps=str(video.rate),
        frames=written,
        size=size,
        audio=has_sound(path),
        start=round(float(first.time), 3),
        seconds=round(float(end - first.time), 3),
        square=side,
        face=round(median(box.height for box in piece.boxes), 1),
        sharpness=round(piece.sharpness, 4),
    )


def has_sound(path: Path) -> bool:
    """Whether anything is heard in a video that was written."""
    with open_media(path) as container:
        return any(stream.frames > 0 for stream in container.streams.audio)
