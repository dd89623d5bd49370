"""Flicker of results that change more, as much, and less than their driver."""

import numpy as np
import pytest

from ptus.evaluation.flicker import flicker
from tests.evaluation.faces import SIZE, moment, noise

GREY = np.full((SIZE, SIZE, 3), 100, np.uint8)
BRIGHTER = GREY + np.uint8(51)


def test_alternating_results_of_a_still_driver() -> None:
    values = flicker(moment(GREY, GREY), moment(BRIGHTER, GREY))
    for region in ("", "_face", "_eyes", "_mouth"):
        assert values[f"temporal_l1{region}"] == values[f"flicker{region}"] == pytest.approx(0.2)
        assert values[f"temporal_l1_driving{region}"] == 0


def test_results_that_change_as_their_driver_do_not_flicker() -> None:
    values = flicker(moment(noise(1), noise(1)), moment(noise(2), noise(2)))
    assert values["flicker"] == 0 < values["temporal_l1"]


def test_still_results_of_a_changing_driver_are_too_still() -> None:
    assert flicker(moment(GREY, GREY), moment(GREY, BRIGHTER))["flicker"] == pytest.approx(-0.2)
