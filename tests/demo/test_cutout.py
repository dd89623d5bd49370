"""Person and background taken apart."""

import numpy as np

from ptus.demo.matting import cut_out
from ptus.demo.photo import Photo
from ptus.demo.rendering import Renderer
from ptus.demo.segmentation import person_mask


def test_the_person_is_found(photo: Photo, renderer: Renderer) -> None:
    mask = person_mask(photo.pixels, renderer.space)
    height, width = mask.shape
    x, y, side, _ = (round(value) for value in photo.face)
    assert mask[y : y + side, x + side // 5 : x + side - side // 5].all()
    assert mask[-1, width // 4]
    assert not mask[: height // 3, : width // 5].any()
    assert not mask[: height // 3, -width // 4 :].any()


def test_person_over_background_is_the_photo(photo: Photo, renderer: Renderer) -> None:
    cutout = cut_out(photo.pixels, person_mask(photo.pixels, renderer.space), photo.face.width)
    opacity = cutout.person[..., 3:]
    together = cutout.person[..., :3] + (1 - opacity) * cutout.background
    np.testing.assert_allclose(together, photo.pixels / 255, atol=1e-5)
    assert opacity.min() == 0 and opacity.max() == 1


def test_nothing_of_the_person_stays_in_the_background() -> None:
    pixels = np.full((96, 96, 3), 200, np.uint8)
    mask = np.zeros((96, 96), bool)
    mask[30:70, 30:70] = True
    pixels[mask] = (220, 30, 30)
    background = cut_out(pixels, mask, 40.0).background
    np.testing.assert_allclose(background, 200 / 255, atol=0.03)
