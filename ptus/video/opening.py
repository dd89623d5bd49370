"""Opening video files and streams; what cannot be opened is said in the user's words."""

from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from ptus.errors import UserError

STREAM_SECONDS = 15
"""How long a network stream may say nothing."""
COVER = Disposition.attached_pic


def is_url(place: Path | str) -> bool:
    """Whether a place is an address rather than a file."""
    return isinstance(place, str) and "://" in place


def open_media(place: Path | str) -> InputContainer:
    """Open a file or URL.

    Raises:
        UserError: where there is nothing, or nothing that can be decoded.
    """
    try:
        if is_url(place):
            return av.open(str(place), timeout=STREAM_SECONDS)
        return av.open(str(Path(place).absolute()))  # what comes before a colon would be taken for a protocol
    except OSError as error:
        raise UserError(f"cannot read {place}: {error.strerror}; give the path of a video") from error
    except (av.FFmpegError, ValueError) as error:
        raise UserError(f"{place} is {_why(place)}; give an MP4 file or another that FFmpeg reads") from error


def open_video(place: Path | str) -> tuple[InputContainer, VideoStream]:
    """Open a file or URL and choose its first video stream; cover pictures of music files do not count.

    Raises:
        UserError: as `open_media`, and where there is no video in it.
    """
    container = open_media(place)
    streams = [stream for stream in container.streams.video if not stream.disposition & COVER]
    if not streams:
        kind = "has sound but no video" if container.streams.audio else "has no video"
        container.close()
        raise UserError(f"{place} {kind}; give a file with pictures in it")
    return container, streams[0]


def _why(place: Path | str) -> str:
    if not is_url(place) and Path(place).is_file() and Path(place).stat().st_size == 0:
        return "empty (0 bytes)"
    return "not a video that can be read, or its beginning or index is missing"
