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


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_transparency_is_turned_with_the_colours(monkeypatch: pytest.MonkeyPatch, turns: int, mirrored: bool) -> None:
    """As OpenCV turns a picture by its EXIF part."""
    stored = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    stored[:, :, 3] = np.arange(30) * 8
    decode = cv2.imdecode

    def upright(picture: Any) -> Any:
        return np.ascontiguousarray(np.rot90(picture[:, ::-1] if mirrored else picture, turns))

    def turned(data: npt.NDArray[np.uint8], flags: int) -> Any:
        return upright(decode(data, flags)) if flags == cv2.IMREAD_COLOR else decode(data, flags)

    monkeypatch.setattr(cv2, "imdecode", turned)
    monkeypatch.setattr(Path, "read_bytes", lambda _: cv2.imencode(".png", stored)[1].tobytes())
    opacity = stored[..., 3:] / 255
    expected = upright((stored[..., 2::-1] * opacity + 255 * (1 - opacity)).round())
    assert np.abs(read_image(Path("picture.png")).astype(int) - expected).max() <= 1


def test_the_bundled_portrait_is_shrunk_to_even_sides() -> None:
    photo = load_photo(None, None, 201)
    assert photo.pixels.shape == (200, 200, 3)
    x, y, width, height = (side / 201 for side in photo.face)
    assert 0.3 < x < 0.4 and 0.1 < y < 0.2 and 0.15 < width == height < 0.25


@pytest.mark.parametrize(
    ("face", "within"),
    [((40, 30, 36, 40), (40, 30, 36, 40)), ((81, 100, 40, 51), (81, 100, 39, 50))],
    ids=["inside", "reaching what is cut off for even sides"],
)
def test_a_given_face_is_taken_and_small_photos_keep_their_size(
    tmp_path: Path, face: tuple[int, int, int, int], within: tuple[int, int, int, int]
) -> None:
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((151, 121, 3), 90, np.uint8))
    photo = load_photo(path, face, 512)
    assert photo.pixels.shape == (150, 120, 3)
    assert photo.face == within
