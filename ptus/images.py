"""Pictures in and out of files."""

from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ptus.errors import UserError
from ptus.files import replacing

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""A picture (H, W, 3), RGB, 0 to 255."""
Plane: TypeAlias = npt.NDArray[np.float32]
"""A picture or map (H, W) or (H, W, C), usually 0 to 1."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""A region (H, W)."""
Array: TypeAlias = npt.NDArray[Any]


def read_image(path: Path) -> Pixels:
    """Read a picture: any format OpenCV knows, of any channels and depth, turned upright as its EXIF tag says.

    Transparent parts become white.

    Raises:
        UserError: where there is no such file, or it is not a picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give the path of a photo") from error
    try:
        stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        upright = None if stored is None else cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        stored = upright = None
    if stored is None or upright is None:
        raise UserError(f"{path} is not a picture that can be read; give a JPEG or PNG file")
    if stored.ndim == 3 and stored.shape[2] == 4:
        most = 65535 if stored.dtype == np.uint16 else 255
        opacity = _turned_alike(stored[..., 3:].astype(np.float32) / most, data, upright)
        upright = (upright * opacity + 255 * (1 - opacity)).round().astype(np.uint8)
    return np.ascontiguousarray(cv2.cvtColor(upright, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _turned_alike(opacity: Array, data: Array, upright: Array) -> Array:
    """The opacity of a picture, turned as OpenCV turned its colours to make it upright."""
    stored = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert stored is not None
    for mirror, turns in product((1, -1), range(4)):
        if np.array_equal(np.rot90(stored[:, ::mirror], turns), upright):
            return np.rot90(opacity[:, ::mirror], turns)
    raise AssertionError("OpenCV made another picture of the same file")


def is_image(path: Path) -> bool:
    """Whether a file begins like a picture of a format that OpenCV reads."""
    return path.is_file() and cv2.haveImageReader(str(path))


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """A picture (H, W, 3) at another size: averaged where it shrinks, cubic where it grows."""
    shrinks = width * height < pixels.shape[0] * pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=method).astype(np.uint8, copy=False)


def write_png(path: Path, pixels: Pixels) -> None:
    """Write a picture as PNG; the file appears whole or not at all."""
    data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    with replacing(path) as partial:
        partial.write_bytes(data.tobytes())
