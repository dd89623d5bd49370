"""Gradients at the borders of cells, where they jump, are not compared; a wrong one anywhere else is still refused."""

from dataclasses import replace
from math import prod

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.borders import MARGIN, near_borders, off_borders
from bench.case import Case, Inputs, Op, Operations
from bench.cases import CASES
from bench.contenders import Contenders
from bench.correctness import WrongResultError
from bench.device import Cpu
from bench.harness import Harness
from bench.settings import Setting
from tests.bench.small import Untimed

SIDE = 9  # with align_corners=True a cell is a quarter of [-1, 1], and its borders are exact in float32
HARNESS = Harness(Untimed(1), 1e10, with_compile=False)
WITH_BORDERS = [case for case in CASES if case.undefined is not None]
IMAGES = [case for case in WITH_BORDERS if len(case.size) == 2]  # volumes take half a minute each


def sampled(picture: Tensor, places: Tensor) -> Tensor:
    return F.grid_sample(picture, places, align_corners=True)


def rounded_down(picture: Tensor, places: Tensor) -> Tensor:
    """As if a place were computed in another order: an ulp of 1 less, which at a border is another cell."""
    return sampled(picture, places - 1.2e-7)


def with_a_wrong_gradient(picture: Tensor, places: Tensor) -> Tensor:
    """Of one point in a hundred, none of them at a border."""
    wrong = torch.zeros_like(places)
    wrong[:, 1::2, 1::5] = 1
    return rounded_down(picture, places - 0.1 * wrong * (places - places.detach()))


def draw(random: torch.Generator, batch: int) -> Inputs:
    """One point lies on a border, all others in the middle of a cell."""
    cells = torch.randint(SIDE - 1, (batch, 10, 10, 2), generator=random)
    places = (cells + 0.3 + 0.4 * torch.rand(cells.shape, generator=random)) * (2 / (SIDE - 1)) - 1
    places[:, 2, 2, 0] = 0.25
    return {"picture": torch.randn(batch, 2, SIDE, SIDE, generator=random), "places": places}


def undefined(inputs: Inputs) -> tuple[Tensor]:
    return (near_borders(inputs["places"], (SIDE, SIDE), align_corners=True).unsqueeze(1),)


OP = Op("sample", rounded_down, sampled, ("picture",), lambda _: Operations(1, 1))
CASE = Case(OP, "one point on a border", (10, 10), draw, undefined=undefined)


@pytest.mark.parametrize("direction", ["backward", "both"])
def test_a_point_on_a_border_is_not_refused(direction: str) -> None:
    with pytest.raises(AssertionError, match="it was timed"):
        HARNESS.measure(Setting(CASE, direction, "reference", batch=2))


def test_it_would_be_refused_by_a_case_that_does_not_name_it() -> None:
    with pytest.raises(WrongResultError, match="tensor 1"):
        HARNESS.measure(Setting(replace(CASE, undefined=None), "backward", "reference", batch=2))


@pytest.mark.parametrize(("direction", "position"), [("backward", 1), ("both", 2)])
def test_a_wrong_gradient_beside_it_is_refused(direction: str, position: int) -> None:
    wrong = replace(CASE, op=replace(OP, ours=with_a_wrong_gradient))
    with pytest.raises(WrongResultError, match=f"tensor {position}"):
        HARNESS.measure(Setting(wrong, direction, "reference", batch=2))


def test_a_wrong_value_at_the_border_is_refused() -> None:
    def wrong(picture: Tensor, places: Tensor) -> Tensor:
        near = near_borders(places.detach(), (SIDE, SIDE), align_corners=True).unsqueeze(1)
        return rounded_down(picture, places) * (1 + 0.1 * near)

    for direction in ("forward", "both"):
        with pytest.raises(WrongResultError, match="tensor 0"):
            HARNESS.measure(Setting(replace(CASE, op=replace(OP, ours=wrong)), direction, "reference"))


def test_cases_leave_out_few_points() -> None:
    for case in WITH_BORDERS:
        assert case.undefined is not None
        inputs = {name: tensor.double() for name, tensor in Cpu(1).draw(case.draw, 1, 20).items()}
        shares = [float(each.double().mean()) for each in case.undefined(inputs)]
        allowed = 2 * MARGIN * len(case.size)
        assert all(0 < share < 1.5 * allowed for share in shares), f"{case.op.name}, {case.name}: {shares}"


@pytest.mark.once
@pytest.mark.parametrize("case", IMAGES, ids=lambda case: f"{case.op.name}-{case.name}")
@pytest.mark.parametrize("factor", [1.0, 1.003])
def test_gradients_of_keypoints_are_checked(case: Case, factor: float) -> None:
    def ours(**inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        source = inputs["kp_source"]
        return case.op.ours(**{**inputs, "kp_source": source.detach() + factor * (source - source.detach())})

    direction = case.directions[-1]
    setting = Setting(replace(case, op=replace(case.op, ours=ours)), direction, "cpu")
    # The draw of seed 23 has a point of a spline so near a border that float32 takes it to the other side.
    contenders = Contenders(setting, [Cpu(1).draw(case.draw, 1, 23)], Cpu(1))
    if factor == 1:
        contenders.ours()
    else:
        with pytest.raises(WrongResultError):
            contenders.ours()


@pytest.mark.parametrize("align_corners", [False, True])
def test_near_borders(align_corners: bool) -> None:
    size = (4, 5, 6)
    cells = torch.tensor([[2.0, 1.5, 0.5], [2 + MARGIN / 2, 1.5, 0.5], [2 + 2 * MARGIN, 1.5, 0.5], [2.5, 1.5, -1]])
    extent = torch.tensor(size[::-1], dtype=torch.float64)
    places = 2 * cells / (extent - 1) - 1 if align_corners else (2 * cells + 1) / extent - 1
    assert near_borders(places, size, align_corners).tolist() == [True, True, False, True]


def test_off_borders() -> None:
    size = (4, 5, 6)
    places = torch.rand(4000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert 0.001 < near_borders(places, size).double().mean() < 0.01
    moved = off_borders(places, size)
    assert not near_borders(moved, size).any()
    assert (moved - places).abs().max() < 2 * 3 * MARGIN / min(size) and prod(moved.shape) == prod(places.shape)
