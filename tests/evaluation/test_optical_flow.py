"""End-point error of known shifts."""

import numpy as np
import pytest

from ptus.evaluation.optical_flow import end_point_error, flow
from tests.evaluation.faces import moment, noise


def test_a_shift_is_seen() -> None:
    source = noise(3)
    moved = np.roll(source, (2, 3), axis=(0, 1))
    seen = flow(source, moved)[30:-30, 30:-30]
    assert np.median(seen[..., 0]) == pytest.approx(3, abs=0.1)
    assert np.median(seen[..., 1]) == pytest.approx(2, abs=0.1)


def test_who_stands_still_is_off_by_the_whole_way_and_who_follows_by_nothing() -> None:
    source = noise(3)
    driving = np.roll(source, 3, axis=1)
    still = end_point_error(moment(source, driving, source))
    assert still["epe_face"] == pytest.approx(3, abs=0.15)
    assert still["epe_eyes"] == pytest.approx(3, abs=0.15)
    followed = end_point_error(moment(driving, driving, source))
    assert set(followed.values()) == {0.0}
    too_far = end_point_error(moment(np.roll(source, 5, axis=1), driving, source))
    assert too_far["epe_mouth"] == pytest.approx(2, abs=0.15)
