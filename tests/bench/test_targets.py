"""How far a row is from what is asked of it."""

from dataclasses import replace

import pytest

from bench.targets import Faster, Judged, OfFloor, PerSample, Rate, judge
from tests.bench.examples import ROW


def test_the_furthest_target_stands_for_all() -> None:
    judged = judge(ROW, [OfFloor(40), Faster(30), Faster(2, "compiled")])
    assert (judged.target, judged.reached) == ("≥ 30 × eager", False)
    assert judged.figure == pytest.approx(20)
    assert judged.figures == pytest.approx({"≥ 40 % of floor": 50, "≥ 30 × eager": 20, "≥ 2 × compiled": 10})


def test_all_reached() -> None:
    assert judge(ROW, [OfFloor(49), Faster(3)]).reached is True


def test_a_sample_beside_another() -> None:
    eight = replace(ROW, batch=8)
    reached = judge(eight, [PerSample(1.3)], beside=1.1e-3 / 8)
    assert reached.figure == pytest.approx(1) and reached.reached
    assert judge(eight, [PerSample(1.3)], beside=1.1e-3 / 16).reached is False


def test_samples_a_second() -> None:
    eight = replace(ROW, batch=8)
    second = 8 / ROW.ours.median
    assert judge(eight, [Rate(second / 2)]).figure == pytest.approx(second)
    assert judge(eight, [Rate(second / 2)]).reached is True
    assert judge(eight, [Rate(second * 2)]).reached is False


def test_an_absent_contender_gives_no_figure() -> None:
    assert judge(ROW, [Faster(2, "monai")]) == Judged({}, "≥ 2 × monai", None, None)
    assert judge(ROW, []) == Judged({}, None, None, None)
