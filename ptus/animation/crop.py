"""The square around an upper body that the model works in, and its way back into the frame."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from ptus.faces import FaceBox
from ptus.images import Pixels, Plane, resized
from ptus.model.source_edges import Sides

FACE_SHARE = 0.28
"""Height of the face (brows to chin) as a share of the crop's height: leaves room for the shoulders and the chest."""
LARGEST_FACE_SHARE = 0.62
"""The same where the frame shows no more than a head: the whole head still fits."""
FACE_LEVEL = 0.38
"""Where the middle of the face is in the crop, from its top, as a share of its height."""
LITTLE = 0.03
"""Of the crop's side: a rest of the frame beside it that is no wider is not left."""
SOFT_SHARE = 0.08
"""Width of the soft edge of what is put back, as a share of the crop's side."""


class Crop(NamedTuple):
    """A square of a frame, in whole pixels; it may reach beyond the frame, where the border's pixels are repeated."""

    left: int
    top: int
    side: int

    def cut(self, pixels: Pixels, size: int) -> Pixels:
        """The square (size, size, 3) of a frame (H, W, 3)."""
        height, width = pixels.shape[:2]
        inside = pixels[_span(self.top, self.side, height), _span(self.left, self.side, width)]
        before_y, before_x = max(0, -self.top), max(0, -self.left)
        after_y, after_x = self.side - inside.shape[0] - before_y, self.side - inside.shape[1] - before_x
        if max(before_y, before_x, after_y, after_x) > 0:
            edges = (before_y, after_y, before_x, after_x)
            inside = cv2.copyMakeBorder(inside, *edges, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
        return resized(np.ascontiguousarray(inside), size, size)

    def goes_on(self, width: int, height: int) -> Sides:
        """The sides at which a frame of width × height pixels goes on beyond the square."""
        return Sides(self.left > 0, self.top > 0, self.left + self.side < width, self.top + self.side < height)

    def paste(self, picture: Pixels, frame: Pixels) -> Pixels:
        """A frame (H, W, 3) with the picture (size, size, 3) of this square in its place.

        The picture's edge fades into the frame, but for the sides that are at the frame's own edge.
        """
        height, width = frame.shape[:2]
        rows, columns = _span(self.top, self.side, height), _span(self.left, self.side, width)
        inside = resized(picture, self.side, self.side)[
            rows.start - self.top : rows.stop - self.top, columns.start - self.left : columns.stop - self.left
        ]
        opacity = _opacity(self, width, height)
        result = frame.copy()
        result[rows, columns] = cv2.blendLinear(
            np.ascontiguousarray(inside), np.ascontiguousarray(frame[rows, columns]), opacity, 1 - opacity
        )
        return result

    def normalised(self, face: FaceBox) -> tuple[float, float, float, float]:
        """A box in the frame as x0, y0, x1, y1 in the square, whose edges are at -1 and 1."""
        edges = (face.x, face.y, face.x + face.width, face.y + face.height)
        starts = (self.left, self.top) * 2
        x0, y0, x1, y1 = (2 * (edge - start) / self.side - 1 for edge, start in zip(edges, starts, strict=True))
        return x0, y0, x1, y1


def upper_body(face: FaceBox, width: int, height: int) -> Crop:
    """The square around the upper body that belongs to a face.

    The face is FACE_SHARE of its height, or more of it, up to LARGEST_FACE_SHARE, where the square would be larger than
    the frame's shorter side: what lies beyond a frame is nothing to learn from, or to animate. The square is moved to
    lie within the frame where it can, and to an edge that is LITTLE away.

    Args:
        face: in the frame.
        width: of the frame, pixels.
        height: of the frame, pixels.
    """
    fitting = max(face.height / LARGEST_FACE_SHARE, min(width, height))
    side = max(1, round(min(face.height / FACE_SHARE, fitting)))
    x, y = face.centre
    left = _within(round(x - side / 2), width - side, side)
    top = _within(round(y - FACE_LEVEL * side), height - side, side)
    return Crop(left, top, side)


@lru_cache(maxsize=2)
def _opacity(crop: Crop, width: int, height: int) -> Plane:
    """How much of the picture is seen in a frame of width × height pixels, (h, w) of the part that is within it."""
    ramps = []
    soft = max(1.0, SOFT_SHARE * crop.side)
    at = np.arange(crop.side, dtype=np.float32) + 0.5
    left, top, right, bottom = crop.goes_on(width, height)
    for start, total, before, after in ((crop.top, height, top, bottom), (crop.left, width, left, right)):
        ramp = np.ones(crop.side, np.float32)
        if before:
            ramp = np.minimum(ramp, at / soft)
        if after:
            ramp = np.minimum(ramp, (crop.side - at) / soft)
        span = _span(start, crop.side, total)
        ramps.append((ramp * ramp * (3 - 2 * ramp))[span.start - start : span.stop - start])
    return np.outer(*ramps).astype(np.float32)


def _within(start: int, room: int, side: int) -> int:
    """A start that leaves nothing of a frame beside the square, or more than a little."""
    start = min(max(start, min(0, room)), max(0, room))
    nearest = 0 if start < room - start else room
    return nearest if abs(start - nearest) < LITTLE * side else start


def _span(start: int, side: int, total: int) -> slice:
    """The part of start to start + side that is within 0 to total."""
    return slice(min(max(start, 0), total), max(0, min(start + side, total)))
