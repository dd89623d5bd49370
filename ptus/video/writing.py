"""Videos out: H.264 that plays everywhere, marked as synthetic."""

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from math import lcm
from pathlib import Path
from types import TracebackType

import av
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ptus.errors import UserError
from ptus.files import replacing
from ptus.images import Pixels
from ptus.video.audio import AudioTrack

MOST_TICKS = 1 << 24
"""Finer ones overflow 32 bits within minutes, which older players do not expect."""
LARGEST_SIDE = 16384
"""Of H.264, pixels."""


class VideoWriter:
    """Writes frames to an MP4 file, which appears under its name once all of them are in.

        with VideoWriter(path, Fraction(30000, 1001), 512, 512, comment="Synthetic: ...") as video:
            video.write(frame)

    Args:
        path: the file; its folder must exist.
        rate: frames a second, exact; of frames that are written with a time, the average.
        width: of every frame, pixels, even (4:2:0 halves the colours).
        height: as `width`.
        comment: what the file's metadata says about it.
        quality: x264's constant rate factor, 0 (lossless) to 51.
        time_base: seconds, of which all times are multiples; None for one over the rate.
        audio: sound to go with it, cut to the time in which there are frames.

    Raises:
        ValueError: for an odd or empty size.
        UserError: where the file cannot be written, now or later (a full disk), and for a side that is too long.
    """

    def __init__(
        self,
        path: Path,
        rate: Fraction,
        width: int,
        height: int,
        *,
        comment: str,
        quality: int = 14,
        time_base: Fraction | None = None,
        audio: AudioTrack | None = None,
    ) -> None:
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise ValueError(f"VideoWriter: sides must be even and positive, got {width}×{height}")
        if max(width, height) > LARGEST_SIDE:
            raise UserError(f"{path} would have {width}×{height} pixels, and H.264 has {LARGEST_SIDE} at most a side")
        self.path = path
        self.shape = (height, width, 3)
        self.time_base = time_base or 1 / rate
        self._end = Fraction(0)
        self._duration = 1 / rate
        self._audio = audio
        self._resources = ExitStack()
        with ExitStack() as opening, _reporting(path):
            partial = opening.enter_context(replacing(path))
            options = {"movflags": "+faststart", "movie_timescale": str(self._movie_ticks())}
            self._container = av.open(str(partial.absolute()), "w", format="mp4", options=options)
            opening.callback(self._container.close)
            self._container.metadata.update(comment=comment, description=comment)
            # Frames that are stored out of order would make the last one's duration, and the track's, a guess.
            # Encoding shares the cores with the model; the default preset takes much longer, for little.
            coding = {"crf": str(quality), "bf": "0", "preset": "veryfast"}
            self._stream = self._container.add_stream("libx264", rate, options=coding)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            # Untagged colours are guessed by size, differently by every player.
            context = self._stream.codec_context
            context.color_range = ColorRange.MPEG
            context.colorspace = Colorspace.ITU709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = ColorTrc.BT709
            context.time_base = self.time_base
            context.flags |= Flags.frame_duration
            if audio is not None:
                audio.add_to(self._container)
            self._container.start_encoding()
            self._resources = opening.pop_all()

    def write(self, pixels: Pixels, time: Fraction | None = None, duration: Fraction | None = None) -> None:
        """Append a frame (height, width, 3), RGB.

        Args:
            pixels: the frame.
            time: when it is shown, in seconds, later than the one before; None for when the one before ends.
            duration: how long it is shown, if it is the last; None for one over the rate.

        Raises:
            ValueError: for a frame of another size, and for a time that is no multiple of the time base.
            UserError: where the file cannot be written.
        """
        if pixels.shape != self.shape:
            raise ValueError(f"VideoWriter: expected a frame of shape {self.shape}, got {pixels.shape}")
        time = self._end if time is None else time
        ticks = time / self.time_base
        if ticks.denominator != 1:
            raise ValueError(f"VideoWriter: a frame at {time} s is not at a multiple of {self.time_base} s")
        duration = duration or self._duration
        self._end = time + duration
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts, frame.time_base, frame.duration = int(ticks), self.time_base, round(duration / self.time_base)
        with _reporting(self.path):
            self._container.mux(self._stream.encode(frame))
            if self._audio is not None:
                self._audio.write(time, self._end)

    def _movie_ticks(self) -> int:
        """Ticks a second in which the file stores where tracks begin: of frames, and of the sound where they fit."""
        frames = self.time_base.denominator
        both = lcm(frames, 1000 if self._audio is None else self._audio.rate)
        return both if both < MOST_TICKS else frames

    def __enter__(self) -> "VideoWriter":
        """Start writing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or remove what was written where the block raised.

        Raises:
            UserError: where the rest cannot be written; the file is not put in place then.
        """
        if kind is not None:
            # Closing may fail for the very reason that the video is given up.
            with suppress(av.FFmpegError, OSError):
                self._container.close()
            self._resources.__exit__(kind, error, trace)
            return
        with _reporting(self.path), self._resources:
            self._container.mux(self._stream.encode(None))
            if self._audio is not None:
                self._audio.finish()
            self._container.close()


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Say in the user's words that a file cannot be written."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        mend = "make room there or choose another file to write to" if full else "choose another file to write to"
        raise UserError(f"cannot write {path}: {error.strerror}; {mend}") from error
