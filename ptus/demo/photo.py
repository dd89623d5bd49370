"""The photo that is animated: read, checked, brought to size."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ptus.errors import UserError
from ptus.faces import FaceBox, largest_face
from ptus.images import Pixels, read_image

SMALLEST_SIDE = 64
SMALLEST_FACE = 16
"""In pixels of the video: there is no head to turn in fewer."""


class Photo(NamedTuple):
    """A photo and the face in it."""

    pixels: Pixels
    """(H, W, 3), both sides even."""
    face: FaceBox


def load_photo(source: Path | None, face: tuple[int, int, int, int] | None, size: int) -> Photo:
    """Read a photo, find its face and shrink it to at most `size` pixels a side.

    Args:
        source: the photo; None for the portrait that scikit-image carries.
        face: x, y, width and height of the face in pixels of the photo; None to look for it.
        size: of the longer side of the result, if the photo's is longer.

    Raises:
        UserError: for a file that cannot be read or is too small, and where there is no face to be found.
    """
    pixels = _bundled_portrait() if source is None else read_image(source)
    name = "the bundled portrait" if source is None else str(source)
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise UserError(f"{name} is only {width}×{height}; give a photo of at least {SMALLEST_SIDE} pixels a side")
    box = largest_face(pixels) if face is None else _checked(face, width, height)
    if box is None:
        raise UserError(f"found no face in {name}; say where it is (brows to chin) with --face X Y WIDTH HEIGHT")

    scale = min(1.0, size / max(height, width))
    box = box.scaled(scale)
    if box.width < SMALLEST_FACE:
        raise UserError(
            f"the face in {name} is only {box.width:.0f} pixels wide at --size {size}; "
            "crop the photo to the upper body, or give a larger --size"
        )
    resized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    even = resized[: resized.shape[0] // 2 * 2, : resized.shape[1] // 2 * 2]
    return Photo(np.ascontiguousarray(even, dtype=np.uint8), _within(box, even.shape[1], even.shape[0]))


def _bundled_portrait() -> Pixels:
    try:
        from skimage import data
    except ImportError as error:
        raise UserError(
            "the bundled portrait comes with scikit-image: pip install scikit-image, or give --source PHOTO"
        ) from error
    return np.asarray(data.astronaut())  # type: ignore[no-untyped-call]


def _within(face: FaceBox, width: int, height: int) -> FaceBox:
    """The part of the box in the picture, of which rounding may have cut off a row or column that the face reaches."""
    return FaceBox(face.x, face.y, min(face.width, width - face.x), min(face.height, height - face.y))


def _checked(face: tuple[int, int, int, int], width: int, height: int) -> FaceBox:
    """The user's face box."""
    x, y, face_width, face_height = face
    if min(x, y) < 0 or min(face_width, face_height) < 1 or x + face_width > width or y + face_height > height:
        raise UserError(f"--face {x} {y} {face_width} {face_height} is not within the photo, which is {width}×{height}")
    return FaceBox(*map(float, face))
