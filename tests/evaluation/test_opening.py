"""Eyes that blink and a mouth that speaks, drawn, are seen to do so."""

import numpy as np
import pytest

from ptus.demo.photo import load_photo
from ptus.evaluation.correlation import Correlation
from ptus.evaluation.opening import OpeningMeter, opening
from ptus.evaluation.regions import MOUTH, part
from ptus.faces import HaarDetector
from ptus.images import Pixels
from tests.evaluation.faces import FACE, KnownFace, drawn

BLINKS = [1, 1, 1, 0.5, 0, 0.5, 1, 1, 1, 1, 0.4, 0, 0, 0.6, 1, 1]
SPEECH = [0, 0.2, 0.6, 0.3, 0, 0.8, 1, 0.5, 0.1, 0, 0.4, 0.9, 0.2, 0, 0, 0.3]


def test_it_follows_blinks_and_speech() -> None:
    meter = OpeningMeter(KnownFace(), FACE)
    seen = [meter.measure(drawn(eyes, mouth)) for eyes, mouth in zip(BLINKS, SPEECH, strict=True)]
    assert np.corrcoef([one.eyes for one in seen], BLINKS)[0, 1] > 0.99
    assert np.corrcoef([one.mouth for one in seen], SPEECH)[0, 1] > 0.99
    assert abs(np.corrcoef([one.eyes for one in seen], SPEECH)[0, 1]) < 0.5


def test_it_follows_the_face() -> None:
    ways = [0.0, 2.5, 5.0, 10.0]
    seen = [opening(drawn(0.6, 0.5, right), FACE.moved(right, 0)) for right in ways]
    for one in seen:
        assert one.eyes == pytest.approx(seen[0].eyes, rel=0.03)
        assert one.mouth == pytest.approx(seen[0].mouth, rel=0.03)


def test_light_makes_no_difference() -> None:
    bright, dark = drawn(0.6, 0.5), (drawn(0.6, 0.5) * 0.5).astype(np.uint8)
    assert opening(dark, FACE) == pytest.approx(opening(bright, FACE), rel=0.05)


def test_a_still_picture_is_exactly_still() -> None:
    """Also where the face is found in another place than was said, so that a copied source correlates with nothing."""
    photo = load_photo(None, None, 256)
    side = min(photo.pixels.shape[:2])
    pixels, correlation = photo.pixels[:side, :side], Correlation()
    meter = OpeningMeter(HaarDetector(), photo.face.moved(3, -4))
    for opened in BLINKS:
        correlation.add(meter.measure(pixels).eyes, opened)
    assert correlation.value == 0


def lips(teeth: float, grey: bool = False) -> Pixels:
    """A face of which the mouth is red lips, teeth between them as far as is said."""
    pixels = np.full((256, 256, 3), (200, 160, 140), np.uint8)
    mouth = part(FACE, MOUTH)
    left, top, width, height = (round(number) for number in (mouth.x, mouth.y, mouth.width, mouth.height))
    pixels[top : top + height, left : left + width] = (160, 70, 70)
    middle, half = top + height // 2, round(teeth * height / 2)
    pixels[middle - half : middle + half, left : left + width] = (235, 230, 225)
    return np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) if grey else pixels


def test_teeth_between_red_lips_are_an_opening_and_lips_are_none() -> None:
    seen = [opening(lips(teeth), FACE).mouth for teeth in (0.0, 0.3, 0.6, 0.9)]
    assert seen[0] < 0.01 and (np.diff(seen) > 0.05).all()


def test_in_a_picture_without_colours_darkness_alone_is_read() -> None:
    assert opening(lips(0.9, grey=True), FACE).mouth < 0.01
    dark, mouth = lips(0.9, grey=True), part(FACE, MOUTH)
    dark[round(mouth.y) : round(mouth.y + mouth.height)] //= 8
    assert opening(dark, FACE).mouth > 0.1
