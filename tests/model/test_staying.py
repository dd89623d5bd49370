"""Heads that stay within the square."""

from dataclasses import replace

import pytest
import torch

from ptus.model import Motion
from ptus.model.head_frame import HALF_HEIGHT, HALF_WIDTH, MIDDLE
from ptus.model.source_edges import WHOLE_PICTURE, Sides
from ptus.model.staying import LEAST_WAY, ROOM, SHARE_LEFT, SLOWER, kept_within
from tests.model.test_gaze import AHEAD, head

BETWEEN = Sides(left=True, right=True)


def at(x: float, y: float, scale: float = 0.4, roll: float = 0.0, body: tuple[float, float] = (0.0, 0.0)) -> Motion:
    motion = replace(head(AHEAD, roll=roll, scale=scale), translation=torch.tensor([[x, y, 0.1]]))
    return replace(motion, body=motion.body + torch.tensor([*body, 0.0]))


def place(source: Motion, driven: Motion, goes_on: Sides) -> list[float]:
    return kept_within(source, driven, goes_on).translation[0].tolist()


@pytest.mark.parametrize("goes_on", [WHOLE_PICTURE, Sides(bottom=True), Sides(True, True, True, True)])
def test_where_the_source_has_it_a_head_may_always_be(goes_on: Sides) -> None:
    source = at(0.2, -0.7)  # above the upper edge
    for driven in (source, at(0.2, -0.3)):
        kept = kept_within(source, driven, goes_on)
        assert torch.equal(kept.translation, driven.translation) and torch.equal(kept.body, driven.body)


def test_below_it_goes_where_the_driver_goes() -> None:
    assert place(at(0.0, 0.0), at(0.0, 5.0), Sides(True, True, True, True))[1] == 5.0


@pytest.mark.parametrize(("roll", "across"), [(0.0, HALF_WIDTH), (0.5, None)])
@pytest.mark.parametrize(("side", "sign"), [("left", -1), ("right", 1)])
def test_a_head_that_goes_far_aside_keeps_some_room(side: str, sign: int, roll: float, across: float | None) -> None:
    source, driven = (at(x, 0.0, roll=roll) for x in (0.0, sign * 9.0))
    down = head(AHEAD, roll=roll).rotation.new_tensor([torch.tensor(roll).sin(), torch.tensor(roll).cos()])
    half = 0.4 * float(torch.hypot(HALF_WIDTH * down[1], HALF_HEIGHT * down[0]))
    aside = 0.4 * MIDDLE * abs(float(down[0])) * float(torch.sign(kept_tilt(source)))
    room = 1 - half - sign * aside
    expected = sign * (room - max(ROOM, SHARE_LEFT * room))
    assert place(source, driven, Sides(**{side: True}))[0] == pytest.approx(expected, abs=1e-3)
    assert across is None or half == pytest.approx(0.4 * across)


def kept_tilt(motion: Motion) -> torch.Tensor:
    """To which side a step down the head goes."""
    return motion.rotation[0, 1, 0]


def test_a_head_that_rises_far_keeps_some_room_and_takes_its_body_back() -> None:
    source, driven = at(0.0, 0.0), at(0.0, -9.0, body=(0.0, -9.0))
    room = 1 - 0.4 * (HALF_HEIGHT - MIDDLE)
    kept = kept_within(source, driven, Sides(top=True))
    assert float(kept.translation[0, 1]) == pytest.approx(max(ROOM, SHARE_LEFT * room) - room, abs=1e-3)
    torch.testing.assert_close(kept.body - source.body, (kept.translation - source.translation).expand_as(kept.body))


@pytest.mark.parametrize("gone", [0.0, -0.1, 0.3])
def test_a_body_goes_back_only_as_far_as_it_went(gone: float) -> None:
    source = at(0.0, 0.0)
    kept = kept_within(source, at(0.0, -9.0, body=(0.0, gone)), Sides(top=True))
    assert kept.body[0, 0].tolist() == pytest.approx([0.0, max(gone, 0.0), 0.0])


def test_the_nearer_the_edge_the_slower_and_never_back() -> None:
    source = at(0.0, 0.0)  # its top is 0.48 below the edge
    kept = [place(source, at(0.0, y), Sides(top=True))[1] for y in torch.linspace(0, -2, 201).tolist()]
    steps = torch.tensor(kept).diff()
    assert kept[0] == 0 and (steps < 1e-6).all() and (steps.diff() > -1e-6).all()
    free = round(100 * (0.48 - SLOWER))
    torch.testing.assert_close(steps[:free], torch.full((free,), -0.01))
    assert steps[free + 2] > -0.00999


@pytest.mark.parametrize("grown", [1.0, 1.3, 1.5])
def test_a_head_that_comes_near_still_goes_the_drivers_way(grown: float) -> None:
    source = at(0.0, 0.0, scale=0.86)
    kept = [place(source, at(x, 0.0, scale=0.86 * grown), BETWEEN)[0] for x in torch.linspace(0, 0.6, 61).tolist()]
    assert kept[0] == pytest.approx(0, abs=1e-6) and (torch.tensor(kept).diff() > 0).all()


def test_a_head_close_to_the_edge_still_moves_a_little() -> None:
    source = at(0.0, -0.47)  # its top 0.01 below the edge
    assert place(source, at(0.0, -9.0), Sides(top=True))[1] == pytest.approx(-0.47 - LEAST_WAY, abs=1e-3)
