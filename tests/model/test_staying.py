"""Heads that stay within the square."""

from dataclasses import replace

import pytest
import torch

from ptus.model import Motion
from ptus.model.source_edges import WHOLE_PICTURE, Sides
from ptus.model.staying import LEAST_WAY, ROOM, kept_within
from tests.model.test_gaze import AHEAD, head


def at(x: float, y: float, scale: float = 0.4, roll: float = 0.0) -> Motion:
    return replace(head(AHEAD, roll=roll, scale=scale), translation=torch.tensor([[x, y, 0.1]]))


def gone(source: Motion, driven: Motion, goes_on: Sides, body: float = 1.0) -> tuple[list[float], list[float]]:
    """How far the head, and the body's first keypoint, were put back; (x, y, z) each."""
    kept = kept_within(source, driven, goes_on, body)
    return (kept.translation - driven.translation)[0].tolist(), (kept.body - driven.body)[0, 0].tolist()


@pytest.mark.parametrize("goes_on", [WHOLE_PICTURE, Sides(bottom=True), Sides(True, True, True, True)])
def test_where_the_source_has_it_a_head_may_always_be(goes_on: Sides) -> None:
    source = at(0.2, -0.7)  # above the upper edge
    assert gone(source, source, goes_on) == ([0, 0, 0], [0, 0, 0])
    assert gone(source, at(0.2, -0.3), goes_on) == ([0, 0, 0], [0, 0, 0])


@pytest.mark.parametrize(
    ("side", "far", "axis"), [("left", (-5.0, 0.0), 0), ("right", (5.0, 0.0), 0), ("top", (0.0, -5.0), 1)]
)
def test_a_head_that_goes_far_comes_to_rest_at_the_edge_and_its_body_with_it(
    side: str, far: tuple[float, float], axis: int
) -> None:
    source, driven = at(0.0, 0.0, scale=0.4), at(*far, scale=0.4)
    kept = kept_within(source, driven, Sides(**{side: True}), 1.0)
    reach = (0.75 if axis == 0 else 1.0 + 0.3) * 0.4  # of an ellipse whose middle is above the head's joint
    assert abs(float(kept.translation[0, axis])) == pytest.approx(1 - ROOM - reach, abs=1e-3)
    torch.testing.assert_close(kept.body - driven.body, (kept.translation - driven.translation).expand_as(driven.body))
    assert gone(source, driven, Sides(**{side: True}), body=0.0)[1] == [0, 0, 0]


def test_the_nearer_the_edge_the_slower_and_never_back() -> None:
    source = at(0.0, 0.0)  # its top is 0.48 below the edge
    ways = torch.linspace(0, -2, 201).tolist()
    kept = [float(kept_within(source, at(0.0, y), Sides(top=True), 1.0).translation[0, 1]) for y in ways]
    steps = torch.tensor(kept).diff()
    assert kept[0] == 0 and (steps < 1e-6).all() and (steps.diff() > -1e-6).all()
    torch.testing.assert_close(steps[:18], torch.full((18,), -0.01))  # with the driver, up to SLOWER
    assert steps[19] > -0.00999


def test_a_head_close_to_the_edge_still_moves_a_little() -> None:
    source = at(0.0, -0.49)  # its top 0.01 below the edge
    kept = kept_within(source, at(0.0, -9.0), Sides(top=True), 1.0)
    torch.testing.assert_close(kept.translation[0, 1], torch.tensor(-0.49 - LEAST_WAY + 0.01 - 0.01), atol=1e-4, rtol=0)


def test_a_head_that_lies_on_its_side_reaches_as_far_as_it_is_high() -> None:
    lying = kept_within(at(0.0, 0.0, roll=0.5), at(9.0, 0.0, roll=0.5), Sides(right=True), 1.0)
    upright = kept_within(at(0.0, 0.0), at(9.0, 0.0), Sides(right=True), 1.0)
    assert float(lying.translation[0, 0]) != pytest.approx(float(upright.translation[0, 0]), abs=0.05)
