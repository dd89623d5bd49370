"""The sound of one file carried over into another: copied where MP4 can hold it, otherwise encoded as AAC."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from ptus.video.opening import open_media

COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "flac", "opus"})
"""What players expect in MP4."""
LEAST_MP3_RATE = 16000
"""Samples a second of the slowest MP3 that MP4 holds."""
AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
USUAL_RATE = 48000
RUN_UP = 2
"""Seconds before time 0 at which reading begins, where the file can be entered there."""
LEAD = Fraction(1, 10)
"""Seconds before time 0 that are kept: decoders start up on them, and MP4 hides them."""


class Piece(NamedTuple):
    """A packet that is copied or a frame that is encoded, and when it is heard on the video's clock, in seconds."""

    data: "av.Packet[AudioStream] | av.AudioFrame"
    time: Fraction
    duration: Fraction


class AudioTrack:
    """The first sound track of a file, on its way into a video that is being written.

    Pieces (packets that are copied, frames that are encoded) that lie wholly outside the video's time are left out.

    Args:
        container: the opened file; the track closes it.
        stream: of that file.
        origin: seconds on the file's own clock at which the video's time is 0.
    """

    def __init__(self, container: InputContainer, stream: AudioStream, origin: Fraction) -> None:
        self._container = container
        self._stream = stream
        self._origin = origin
        name = stream.codec_context.codec.canonical_name
        slow = name == "mp3" and stream.codec_context.sample_rate < LEAST_MP3_RATE
        self._copied = name in COPIED and not slow
        self._pieces = self._packets() if self._copied else self._frames()
        self._pending: Piece | None = None
        self._start: Fraction | None = None

    @classmethod
    def of(cls, path: Path, origin: Fraction = Fraction(0)) -> "AudioTrack | None":
        """The sound of a file; None where it has none.

        Raises:
            UserError: where the file cannot be opened.
        """
        container = open_media(path)
        if not container.streams.audio:
            container.close()
            return None
        return cls(container, container.streams.audio[0], origin)

    @property
    def rate(self) -> int:
        """Samples a second, as written."""
        rate = self._stream.codec_context.sample_rate
        return rate if self._copied or rate in AAC_RATES else USUAL_RATE

    def add_to(self, output: OutputContainer) -> None:
        """Make a stream for the sound in a file that is about to be written."""
        self._output = output
        if self._copied:
            self._target = output.add_stream_from_template(self._stream)
            return
        layout = "mono" if self._stream.codec_context.channels == 1 else "stereo"
        self._target = output.add_stream("aac", self.rate, layout=layout)

    def write(self, start: Fraction, end: Fraction) -> None:
        """Write what is heard before `end`; called for one frame after the other, the first one's `start` counts."""
        if self._start is None:
            lead = LEAD if self._copied and start == 0 else 0
            self._start = start - lead
        while (piece := self._pending or next(self._pieces, None)) is not None:
            self._pending = piece
            if piece.time >= end:
                return
            self._pending = None
            if piece.time + piece.duration >= self._start:
                self._mux(piece.data)

    def finish(self) -> None:
        """Write what the encoder holds back, and close the file that the sound is from."""
        if not self._copied:
            self._output.mux(self._target.encode(None))
        self._container.close()

    def _mux(self, data: "av.Packet[AudioStream] | av.AudioFrame") -> None:
        if isinstance(data, av.Packet):
            data.stream = self._target
            self._output.mux(data)
        else:
            self._output.mux(self._target.encode(data))

    def _packets(self) -> Iterator[Piece]:
        """The packets, on the video's clock; those out of order, which no file can hold, are left out."""
        last = None
        for packet in self._demuxed():
            if packet.pts is None or packet.dts is None or (last is not None and packet.dts <= last):
                continue
            last = packet.dts
            time_base = Fraction(packet.time_base)
            shift = round(self._origin / time_base)
            packet.pts -= shift
            packet.dts -= shift
            yield Piece(packet, packet.pts * time_base, (packet.duration or 0) * time_base)

    def _frames(self) -> Iterator[Piece]:
        """The decoded frames, on the video's clock."""
        for packet in self._demuxed():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, av.AudioFrame) and frame.pts is not None and frame.time_base is not None:
                    frame.pts -= round(self._origin / frame.time_base)
                    yield Piece(frame, frame.pts * frame.time_base, Fraction(frame.samples, frame.sample_rate))

    def _demuxed(self) -> Iterator["av.Packet[AudioStream]"]:
        """The packets up to where the file ends or cannot be read any more."""
        # A piece from the middle of a long file needs no reading from its beginning.
        if self._origin > RUN_UP and self._stream.time_base is not None:
            with suppress(av.FFmpegError, OSError):
                self._container.seek(int((self._origin - RUN_UP) / self._stream.time_base), stream=self._stream)
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError):
                return
            if packet is None:
                return
            yield packet
