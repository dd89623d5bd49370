"""Small videos, made for a test."""

import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from ptus.images import Pixels

VARIABLE = [0, 40, 73, 140, 141, 200, 333, 350]
"""Ticks of frames at a variable rate."""


def moving_square(count: int, width: int = 64, height: int = 48) -> list[Pixels]:
    """A red square that moves to the right, on grey."""
    frames = []
    for index in range(count):
        frame = np.full((height, width, 3), 128, np.uint8)
        frame[16:32, 2 * index : 2 * index + 16] = (200, 40, 40)
        frames.append(frame)
    return frames


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with this orientation, 1 to 8, in its EXIF part."""
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def write_clip(
    path: Path,
    frames: Sequence[Pixels],
    *,
    time_base: Fraction = Fraction(1, 25),
    ticks: Sequence[int] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    sound: str | None = None,
    sound_start: Fraction = Fraction(0),
    seconds: float = 1.0,
    rate: int = 44100,
    samples: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] | None = None,
    tag: Callable[[Any], None] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: its suffix chooses the container.
        frames: (H, W, 3) each.
        time_base: seconds a tick.
        ticks: of the frames; 0, 1, 2, … if None.
        codec: of the pictures.
        pixel_format: as stored.
        sound: codec of the sound; None for silence.
        sound_start: when it begins, in seconds.
        seconds: length of the sound.
        rate: of the sound, samples a second.
        samples: the sound's level, -1 to 1, by its time in seconds; a tone if None.
        tag: is given the codec context, to set colours.
        options: of the container.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, Fraction(25))
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        if tag is not None:
            tag(stream.codec_context)
        audio = container.add_stream(sound, rate, layout="mono") if sound is not None else None
        for number, pixels in zip(ticks or range(len(frames)), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            assert isinstance(audio, av.audio.AudioStream)
            for piece in _sound(audio, sound_start, seconds, rate, samples):
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def _sound(
    audio: Any,
    start: Fraction,
    seconds: float,
    rate: int,
    samples: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] | None,
) -> Iterator[av.AudioFrame]:
    time = np.arange(round(seconds * rate)) / rate
    level = np.sin(2 * np.pi * 440 * time) / 2 if samples is None else samples(time)
    stored = (level * 32767).astype(np.int16)[None]
    for offset in range(0, stored.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(stored[:, offset : offset + 1024]), "s16", "mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(start * rate) + offset
        yield frame


def times(path: Path) -> list[Fraction]:
    """When each frame is shown."""
    with av.open(str(path)) as container:
        shown = [
            frame.pts * frame.time_base
            for frame in container.decode(video=0)
            if frame.pts is not None and frame.time_base is not None
        ]
    return shown


def sound_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """Every packet of the sound, and when it is heard."""
    with av.open(str(path)) as container:
        return [
            (packet.pts * Fraction(packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.pts is not None
        ]


def sound_levels(path: Path) -> tuple[npt.NDArray[np.float64], int]:
    """The sound as played, from time 0, and its samples a second."""
    pieces: list[npt.NDArray[np.float64]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            if frame.pts is None or frame.time_base is None:
                continue
            if not pieces:
                pieces.append(np.zeros(max(0, round(frame.pts * frame.time_base * frame.sample_rate))))
            pieces.append(frame.to_ndarray()[0].astype(np.float64))
        return np.concatenate(pieces), container.streams.audio[0].sample_rate


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The MP4 file with another display matrix (a, b, c, d), written over what its track header has."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd")
    a, b, c, d = matrix
    fields = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    # Version 0: the matrix begins 40 bytes after the version.
    data[header + 44 : header + 80] = b"".join(field.to_bytes(4, "big", signed=True) for field in fields)
    path.write_bytes(data)
    return path
