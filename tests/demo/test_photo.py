"""Photos of all sorts read and brought to size."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from ptus.demo.photo import load_photo
from ptus.images import read_image

RED = (200, 40, 20)


def _stored(channels: int, dtype: type[np.unsignedinteger[Any]]) -> npt.NDArray[np.unsignedinteger[Any]]:
    """A uniform picture in OpenCV's order (BGR); with an alpha channel it is transparent below."""
    bgr = {1: (80,), 3: RED[::-1], 4: (*RED[::-1], 255)}[channels]
    picture = np.full((20, 30, channels), bgr, np.uint16)
    if channels == 4:
        picture[10:, :, 3] = 0
    return (picture * 257).astype(np.uint16) if dtype is np.uint16 else picture.astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_channels_and_depth_are_read(
    tmp_path: Path, channels: int, dtype: type[np.unsignedinteger[Any]]
) -> None:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), _stored(channels, dtype))
    pixels = read_image(path)
    assert pixels.shape == (20, 30, 3) and pixels.dtype == np.uint8
    assert tuple(pixels[0, 0]) == (RED if channels > 1 else (80, 80, 80))
    if channels == 4:
        assert (pixels[10:] == 255).all()


def test_the_bundled_portrait_is_shrunk_to_even_sides() -> None:
    photo = load_photo(None, None, 201)
    assert photo.pixels.shape == (200, 200, 3)
    x, y, width, height = (side / 201 for side in photo.face)
    assert 0.3 < x < 0.4 and 0.1 < y < 0.2 and 0.15 < width == height < 0.25


def test_a_face_at_the_edge_stays_within_the_even_picture(tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((257, 333, 3), 90, np.uint8))
    photo = load_photo(path, (133, 100, 200, 157), 512)
    assert photo.pixels.shape == (256, 332, 3)
    assert photo.face == (133, 100, 199, 156)


def test_a_given_face_is_taken_and_small_photos_keep_their_size(tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((151, 121, 3), 90, np.uint8))
    photo = load_photo(path, (40, 30, 36, 40), 512)
    assert photo.pixels.shape == (150, 120, 3)
    assert photo.face == (40, 30, 36, 40)
