"""Videos in: frames one at a time, with their exact times, however long the video is."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from ptus.errors import UserError
from ptus.images import Pixels, resized
from ptus.video.conversion import FrameConverter
from ptus.video.frames import TimedFrame
from ptus.video.opening import is_url, open_video

LIVE = ("rtsp", "rtsps", "rtmp", "udp", "rtp", "srt")
"""Schemes of URLs that do not wait for their reader."""
OWN_CLOCK = 0x0200 | 0x0001
"""AVFMT_TS_DISCONT and AVFMT_NOFILE: broadcasts and live streams, whose clocks start anywhere."""
JUMP = 1
"""Seconds: a clock that goes back by more started anew; frames that come late by less are left out."""


class VideoReader:
    """Reads the frames of a file or URL once, in order of presentation.

        with VideoReader(path) as video:
            for frame in video:
                frame.pixels, frame.time

    Times are the file's own, as exact fractions; where the clock starts anywhere (broadcasts, live streams) or below
    zero they count from the first frame. All frames have the size of the first. Damaged parts are left out.

    Args:
        place: path of a file, or URL that FFmpeg can open.

    Attributes:
        shape: (H, W, 3) of every frame, as displayed.
        rate: frames a second, on average, as the file says.
        time_base: seconds; all times are multiples of it.
        origin: seconds on the file's own clock at which time is 0.
        start: time of the first frame, seconds.
        live: whether frames come at their own pace, waited for or not.
        expected_frames: about how many there should be; None where the file does not say.
        frames_read: how many have been given out.

    Raises:
        UserError: where there is no video, or not one frame can be decoded.
    """

    def __init__(self, place: Path | str) -> None:
        self.place = place
        self._container, self._stream = open_video(place)
        self._stream.thread_type = "NONE" if is_url(place) else "AUTO"  # threads hold frames back
        self._convert = FrameConverter()
        self._damaged = self._ended = False
        self.rate = _rate(self._stream)
        if self._stream.time_base is None:
            raise UserError(f"{place} does not say when its frames are shown; convert it to MP4 first")
        self.time_base = self._stream.time_base
        self._counted = _counted_frames(self._stream)
        self.expected_frames = self._counted or _estimated_frames(self._container, self.rate)
        self.frames_read = 0
        self.live = is_url(place) and str(place).split("://")[0].lower() in LIVE
        self.origin = Fraction(0)
        self.shape: tuple[int, int, int] | None = None
        self._frames = self._timed()
        first = next(self._frames, None)
        if first is None:
            self.close()
            raise UserError(f"not one frame of {place} can be decoded; it is damaged or cut off: give another copy")
        self._first: TimedFrame = first
        self.start = first.time
        self.height, self.width = first.pixels.shape[:2]

    def __iter__(self) -> Iterator[TimedFrame]:
        """The frames; a second time gives nothing."""
        if self.frames_read:
            return
        self.frames_read = 1
        yield self._first
        for frame in self._frames:
            self.frames_read += 1
            yield frame
        self._ended = True

    @property
    def damage(self) -> str | None:
        """What was wrong with the file as far as it was read: one line, or None."""
        promised = self._counted
        missing = self._ended and promised is not None and self.frames_read < promised
        if not self._damaged and not missing:
            return None
        of = f" of {promised}" if promised is not None else ""
        return f"{self.place} is damaged or cut off: {self.frames_read}{of} frames could be read"

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def __enter__(self) -> "VideoReader":
        """Start reading."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _timed(self) -> Iterator[TimedFrame]:
        """Decoded frames with times that increase."""
        own = bool(self._container.format.flags & OWN_CLOCK) or is_url(self.place)
        usual = max(1, round(1 / self.rate / self.time_base))
        origin, last, end = None, None, 0
        for frame in self._decoded():
            shown = end + (origin or 0) if frame.pts is None else frame.pts
            if origin is None:
                origin = shown if own or shown < 0 else 0
                self.origin = origin * self.time_base
            if last is not None and shown - origin <= last:
                if (last - shown + origin) * self.time_base < JUMP:
                    continue
                origin = shown - end
            last = shown - origin
            duration = frame.duration or usual
            end = last + duration
            yield TimedFrame(self._pixels(frame), last * self.time_base, duration * self.time_base)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Whatever can be decoded, in order."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                self._damaged = True
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.EOFError:
                return
            except av.FFmpegError:
                self._damaged = True
                continue
            for frame in frames:
                self._damaged |= frame.is_corrupt
                yield frame

    def _pixels(self, frame: av.VideoFrame) -> Pixels:
        aspect = self._stream.sample_aspect_ratio
        pixels = self._convert(frame, float(aspect) if aspect else 1.0)
        if self.shape is None:
            self.shape = (*pixels.shape[:2], 3)
        elif pixels.shape != self.shape:
            pixels = resized(pixels, self.shape[1], self.shape[0])
        return pixels


def _rate(stream: av.VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.base_rate, stream.guessed_rate):
        if rate:
            return Fraction(rate)
    return Fraction(25)


def _counted_frames(stream: av.VideoStream) -> int | None:
    """How many frames a file has counted, less those that its edit list leaves out; None where it has not."""
    if not stream.frames:
        return None
    # An AVI file counts times at which nothing new is shown, too. Its index does not; where that is cut off, a part of
    # it is made up of what has been read so far.
    entries = stream.index_entries
    is_whole = len(entries) > 0 and entries[-1].timestamp == stream.frames - 1
    counted = len(entries) if is_whole else stream.frames
    return counted - sum(entry.is_discard for entry in entries)


def _estimated_frames(container: av.container.InputContainer, rate: Fraction) -> int | None:
    """How many frames there are if they come at the average rate."""
    return round(Fraction(container.duration, av.time_base) * rate) if container.duration else None
