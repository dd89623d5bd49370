"""Edges of lids and lips: pixels that one crosses show of each side what they cover."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model.composition import local_motions
from ptus.model.eyes import EyeFlow
from ptus.model.face_flow import FaceFlow
from ptus.model.parting import parted
from ptus.model.patches import Laid, pixel
from ptus.model.soft_edges import LaidEdges
from tests.model.conftest import SLIM
from tests.model.test_mouth import mouth, talking

SIDE = 33
ABOVE, BETWEEN, BELOW = 0.2, 0.5, 0.9  # levels of a source that has a row of each


def look(places: Tensor) -> Tensor:
    """A source of three rows."""
    down = places[..., 1]
    levels = torch.where(down < -0.5, ABOVE, torch.where(down > 0.5, BELOW, BETWEEN))
    return levels.unsqueeze(1).expand(-1, 3, -1, -1).to(places)


def ramp(places: Tensor) -> Tensor:
    """A source whose rows are each lighter than the one above."""
    return places[..., 1:].permute(0, 3, 1, 2).expand(-1, 3, -1, -1)


def edges(upper: float, lower: float) -> LaidEdges:
    """Level edges at two heights of a frame of SIDE rows, [-1, 1]; skin above comes from a row above, and so on."""
    down = torch.linspace(-1, 1, SIDE).view(1, SIDE, 1).expand(1, SIDE, SIDE)
    maps = torch.stack((-1 - down, -down, 1 - down, down - upper, lower - down), dim=1)
    laid = Laid(maps, slice(0, SIDE), slice(0, SIDE), (SIDE, SIDE))
    return LaidEdges(laid, torch.tensor([[0.0, 1.0]]), torch.tensor([[pixel((SIDE, SIDE), 1.0)]]))


def softened(found: LaidEdges, share: float = 1.0) -> tuple[Tensor, Tensor]:
    """With steps, and without: (SIDE,) each."""
    x = torch.linspace(-1, 1, SIDE)
    at = torch.stack(torch.meshgrid(x, x, indexing="xy"), dim=-1)[None]
    places = at + (parted(found.laid.maps) * found.down[..., None, None]).permute(0, 2, 3, 1)
    stairs = share * look(places)
    soft = found.soften(stairs, places, torch.full((1, 1, SIDE, SIDE), share), look)
    return stairs[0, 0, :, 5], soft[0, 0, :, 5]


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_a_pixel_shows_of_each_side_what_it_covers(share: float) -> None:
    rows = torch.linspace(-1, 1, SIDE)
    height = 2 / (SIDE - 1)
    stairs, soft = softened(edges(float(rows[10]) + 0.3 * height, float(rows[20]) - 0.2 * height), share)
    # Its upper edge covers 0.8 of row 10 with what is above, its lower one 0.7 of row 20 with what is below.
    assert float(soft[10]) == pytest.approx(share * (0.8 * ABOVE + 0.2 * BETWEEN), abs=1e-5)
    assert float(soft[20]) == pytest.approx(share * (0.3 * BETWEEN + 0.7 * BELOW), abs=1e-5)
    others = [row for row in range(SIDE) if row not in (10, 20)]
    torch.testing.assert_close(soft[others], stairs[others])


def test_nothing_shows_between_edges_that_meet() -> None:
    row = float(torch.linspace(-1, 1, SIDE)[12])
    _, soft = softened(edges(row, row))
    assert float(soft[12]) == pytest.approx((ABOVE + BELOW) / 2, abs=1e-5)
    assert not torch.isin(soft, torch.tensor([BETWEEN])).any()


def test_edges_have_a_gradient() -> None:
    """By which lids learn where they are: a step has none."""
    found = edges(0.01, 0.5)
    maps = found.laid.maps.clone().requires_grad_()
    _, soft = softened(replace(found, laid=replace(found.laid, maps=maps)))
    soft.sum().backward()
    assert maps.grad is not None and maps.grad[:, 3:].abs().sum() > 0


@torch.no_grad()
@pytest.mark.parametrize("size", [64, 256])
def test_stairs_are_gone_at_every_size(size: int) -> None:
    """Of lips of a tilted head that close: where an edge falls between pixels is seen in each of its columns."""
    found = mouth(talking(0.0, 0.3), talking(0.0, 0.05, roll=0.2)).edges((size, size))
    rows, columns = found.laid.rows, found.laid.columns
    x = torch.linspace(-1, 1, size)
    at = torch.stack(torch.meshgrid(x, x, indexing="xy"), dim=-1)[None]
    flow = torch.zeros(1, size, size, 2)
    flow[:, rows, columns] = (parted(found.laid.maps) * found.down[..., None, None]).permute(0, 2, 3, 1)
    stairs = ramp(at + flow)
    soft = found.soften(stairs, at + flow, torch.ones(1, 1, size, size), ramp)
    changed = (soft - stairs).abs().amax(dim=1)[0] > 0.01
    assert changed.any(dim=0).sum() > 0.2 * (columns.stop - columns.start)
    assert changed.sum(dim=0).max() <= 6  # two edges, a pixel or two of each


def test_eyes_whose_lids_something_else_moves_have_no_edges() -> None:
    still = talking(0.0, 0.0)
    assert EyeFlow.between(still, still, None).edges((SIDE, SIDE)) is None


@torch.no_grad()
def test_faces_are_finished_with_soft_edges_of_lids_and_of_lips() -> None:
    _, local = local_motions(SLIM, source := talking(0.0, 0.3), driven := talking(0.0, 0.05, roll=0.2))
    lips, lids = mouth(source, driven), EyeFlow.between(source, driven, local)
    x = torch.linspace(-1, 1, SIDE)
    places = torch.stack(torch.meshgrid(x, x, indexing="xy"), dim=-1)[None]
    stairs, share = ramp(places), torch.ones(1, 1, SIDE, SIDE)
    expected, edged = stairs, lids.edges((SIDE, SIDE))
    assert edged is not None
    for edges_of in (edged, lips.edges((SIDE, SIDE))):
        expected = edges_of.soften(expected, places, share, ramp)
    found = FaceFlow(None, lids, lips).finish(stairs, places, share, ramp)
    torch.testing.assert_close(found, lips.paint(expected))
    assert (expected - stairs).abs().max() > 0.01
