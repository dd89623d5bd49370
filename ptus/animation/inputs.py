"""What the user gives to `ptus animate`, opened and checked."""

from fractions import Fraction
from pathlib import Path
from typing import Literal

import torch

from ptus.errors import UserError
from ptus.images import Pixels, is_image, read_image
from ptus.video import VideoReader
from ptus.video.audio import AudioTrack
from ptus.video.cameras import CameraReader
from ptus.video.opening import is_url


def open_source(path: Path) -> Pixels | VideoReader:
    """A photo, or a video opened.

    Raises:
        UserError: for anything else.
    """
    return read_image(path) if is_image(path) else VideoReader(path)


def open_driving(place: str) -> VideoReader | CameraReader:
    """A camera by its number, a stream by its URL, or a file by its path.

    Raises:
        UserError: where there is no such thing.
    """
    return CameraReader(int(place)) if place.isdecimal() else VideoReader(place if is_url(place) else Path(place))


def driving_path(place: str) -> Path | None:
    """The path of a driving video that is a file."""
    return None if place.isdecimal() or is_url(place) else Path(place)


def open_sound(
    whose: Literal["driving", "source", "none"], source: Pixels | VideoReader, driving: VideoReader | CameraReader
) -> AudioTrack | None:
    """The sound to keep, on the driving video's clock; None for silence, and where the driving video has no sound.

    Raises:
        UserError: where the source's sound is asked for and there is none.
    """
    if whose == "driving" and isinstance(driving, VideoReader) and isinstance(driving.place, Path):
        return AudioTrack.of(driving.place, driving.origin)
    if whose != "source":
        return None
    track = None
    if isinstance(source, VideoReader) and isinstance(source.place, Path):
        start = driving.start if isinstance(driving, VideoReader) else Fraction(0)
        track = AudioTrack.of(source.place, source.origin + source.start - start)
    if track is None:
        raise UserError("the source has no sound; use --audio driving or none")
    return track


def compute_device(name: Literal["auto", "cpu", "cuda"], cuda_graphs: bool) -> torch.device:
    """Where to compute.

    Raises:
        UserError: where CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("--device cuda does not work: PyTorch finds no GPU here; leave it out")
    device = torch.device("cuda" if available and name != "cpu" else "cpu")
    if cuda_graphs and device.type != "cuda":
        raise UserError("--cuda-graphs needs a GPU, and computing is on the CPU; leave it out")
    return device
