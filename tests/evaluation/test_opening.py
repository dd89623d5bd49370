"""Eyes that blink and a mouth that speaks, drawn, are seen to do so."""

import numpy as np
import pytest

from ptus.demo.photo import load_photo
from ptus.evaluation.correlation import Correlation
from ptus.evaluation.opening import OpeningMeter, opening
from ptus.faces import HaarDetector
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
