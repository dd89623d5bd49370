"""Correlation of series that are known."""

import numpy as np
import pytest

from ptus.evaluation.correlation import Correlation


def _correlated(result: np.typing.ArrayLike, driving: np.typing.ArrayLike) -> float | None:
    correlation = Correlation()
    for one, other in zip(np.asarray(result, float), np.asarray(driving, float), strict=True):
        correlation.add(float(one), float(other))
    return correlation.value


def test_a_planted_sinusoid() -> None:
    time = np.arange(200) / 20
    wave, shifted = np.sin(2 * np.pi * time), np.sin(2 * np.pi * time + np.pi / 3)
    assert _correlated(3 * wave + 7, wave) == pytest.approx(1)
    assert _correlated(-wave, wave) == pytest.approx(-1)
    assert _correlated(shifted, wave) == pytest.approx(0.5)
    assert _correlated(np.cos(2 * np.pi * time), wave) == pytest.approx(0, abs=1e-12)


def test_it_is_what_numpy_says() -> None:
    result, driving = np.random.default_rng(0).normal(size=(2, 300)) + 1000
    assert _correlated(result, driving) == pytest.approx(np.corrcoef(result, driving)[0, 1], abs=1e-9)


def test_what_does_not_change() -> None:
    wave = np.sin(np.arange(50))
    still = np.full(50, 0.1)
    assert _correlated(still, wave) == 0
    assert _correlated(wave, still) is None
    assert _correlated([], []) is None
