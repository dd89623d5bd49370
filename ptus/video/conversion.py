"""Decoded frames as pictures: right colours, upright, square pixels."""

from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from ptus.images import Pixels, resized
from ptus.video.dynamic_range import is_ordinary, ordinary

UNTAGGED = 2
"""AVCOL_SPC_UNSPECIFIED."""
HD_WIDTH, HD_HEIGHT = 1280, 720
"""Untagged video at least this wide or high is taken to be BT.709, smaller to be BT.601, as players do."""


class Orientation(NamedTuple):
    """How a decoded frame is laid out for display: transposed first, then flipped."""

    transpose: bool = False
    flip_horizontally: bool = False
    flip_vertically: bool = False


BY_ROTATION = (
    Orientation(),
    Orientation(transpose=True, flip_vertically=True),
    Orientation(flip_horizontally=True, flip_vertically=True),
    Orientation(transpose=True, flip_horizontally=True),
)
"""By how many quarter turns a frame is turned anticlockwise; one that is mirrored too cannot be told from it."""


class FrameConverter:
    """Turns decoded frames of one video into pictures.

    YUV is converted by the matrix and range that the frame is tagged with, high dynamic range and wide gamut become
    BT.709, transparent parts white, the display matrix of the file is applied (turns by 90° and mirroring), and pixels
    that are not square are stretched in width.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, sample_aspect: float) -> Pixels:
        """The picture (H, W, 3) of a frame whose pixels are `sample_aspect` times as wide as high."""
        pixels = self._colours(frame)
        if sample_aspect != 1:
            width = max(1, round(frame.width * sample_aspect))
            pixels = resized(pixels, width, frame.height)
        return _turned(pixels, _orientation(frame))

    def _colours(self, frame: av.VideoFrame) -> Pixels:
        if not is_ordinary(frame.color_trc, frame.color_primaries):
            return ordinary(self._rgb(frame, "rgb48le"), frame.color_trc, frame.color_primaries)
        if any(component.is_alpha for component in frame.format.components) or frame.format.has_palette:
            return _on_white(self._rgb(frame, "rgba"))
        return self._rgb(frame, "rgb24")

    def _rgb(self, frame: av.VideoFrame, format: str) -> npt.NDArray[Any]:
        whole, matrix = ColorRange.JPEG, _colour_matrix(frame)
        return self._reformatter.reformat(
            frame, format=format, src_colorspace=matrix, dst_color_range=whole
        ).to_ndarray()


def _colour_matrix(frame: av.VideoFrame) -> int | None:
    """The matrix to assume for a frame; None where its tag says it."""
    if frame.colorspace != UNTAGGED:
        return None
    return Colorspace.ITU709 if frame.width >= HD_WIDTH or frame.height >= HD_HEIGHT else Colorspace.ITU601


def _on_white(rgba: Pixels) -> Pixels:
    opacity = rgba[..., 3:].astype(np.float32) / 255
    return (rgba[..., :3] * opacity + 255 * (1 - opacity)).round().astype(np.uint8)


def _orientation(frame: av.VideoFrame) -> Orientation:
    """What the display matrix asks for; it takes a pixel (x, y) to (ax + cy, bx + dy)."""
    try:
        data: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # beside the matrix is something that PyAV does not know, such as EXIF
        return BY_ROTATION[frame.rotation % 360 // 90]
    if data is None:
        return Orientation()
    a, b, _, c, d = (int(number) for number in np.frombuffer(data, np.int32)[:5])
    if abs(b) > abs(a):
        return Orientation(True, flip_horizontally=c < 0, flip_vertically=b < 0)
    return Orientation(False, flip_horizontally=a < 0, flip_vertically=d < 0)


def _turned(pixels: Pixels, orientation: Orientation) -> Pixels:
    if orientation.transpose:
        pixels = pixels.transpose(1, 0, 2)
    if orientation.flip_horizontally:
        pixels = pixels[:, ::-1]
    if orientation.flip_vertically:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
