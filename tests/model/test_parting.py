"""Lids and lips that part: edges go where they are told, skin beside them follows, nothing is folded."""

import pytest
import torch
from torch import Tensor

from ptus.model.parting import PARTING_MAPS, Edges, drawn_out, parted, parting, share_left

ENDS, HELD = (-0.5, 0.6), (0.05, 0.1)
DOWN = torch.linspace(-1, 1, 2001, dtype=torch.float64).view(1, -1, 1)


def edges(upper: float, lower: float) -> Edges:
    return Edges(*(torch.full((1, 1, 1), edge, dtype=torch.float64) for edge in (upper, lower)))


def skin(down: Tensor, now: Edges, before: Edges) -> list[Tensor]:
    """That above and below, which goes along as far as HELD and stays from ENDS on."""
    return [
        (was - edge) * share_left(down, edge + beside, torch.full_like(edge, end))
        for was, edge, beside, end in zip(
            (before.upper, before.lower), (now.upper, now.lower), (-HELD[0], HELD[1]), ENDS, strict=True
        )
    ]


def was_at(now: Edges, before: Edges) -> Tensor:
    """Where the points of DOWN were."""
    above, below = skin(DOWN, now, before)
    maps = parting(DOWN, now, above, drawn_out(DOWN, now, before), below)
    assert maps.shape == (1, PARTING_MAPS, *DOWN.shape[1:])
    return (DOWN + parted(maps)[:, 0]).flatten()


def at(points: Tensor, down: float) -> float:
    return float(points[(DOWN.flatten() - down).abs().argmin()])


@pytest.mark.parametrize("now", [(-0.1, 0.2), (0.0, 0.0), (-0.2, 0.3)])
@pytest.mark.parametrize("before", [(0.0, 0.0), (-0.05, 0.15)])
def test_skin_goes_with_its_edge(now: tuple[float, float], before: tuple[float, float]) -> None:
    points = was_at(edges(*now), edges(*before))
    (upper, lower), (was_upper, was_lower) = now, before
    for aside in (0.001, 0.049):
        assert at(points, upper - aside) == pytest.approx(was_upper - aside, abs=1e-3)
    for aside in (0.001, 0.099):
        assert at(points, lower + aside) == pytest.approx(was_lower + aside, abs=1e-3)
    beyond = (DOWN.flatten() <= ENDS[0]) | (DOWN.flatten() >= ENDS[1])
    torch.testing.assert_close(points[beyond], DOWN.flatten()[beyond])
    for skin in (points[DOWN.flatten() < upper], points[DOWN.flatten() > lower]):
        assert (skin.diff() > 0).all()


def test_what_edges_close_over_stays() -> None:
    points = was_at(edges(-0.05, 0.1), edges(-0.2, 0.15))
    between = (DOWN.flatten() > -0.05) & (DOWN.flatten() < 0.1)
    torch.testing.assert_close(points[between], DOWN.flatten()[between])
    moved = was_at(edges(0.2, 0.3), edges(-0.2, 0.15))  # both lower than all that was between them
    assert at(moved, 0.25) == pytest.approx(0.25 - 0.15)


def test_what_is_between_edges_that_part_is_drawn_out() -> None:
    points = was_at(edges(-0.2, 0.4), edges(-0.1, 0.1))
    for share in (0.01, 0.5, 0.99):
        assert at(points, -0.2 + share * 0.6) == pytest.approx(-0.1 + share * 0.2, abs=1e-3)


def test_between_edges_that_meet_nothing_is_seen() -> None:
    """However they are enlarged: an edge is a step."""
    now, before = edges(0.011, 0.011), edges(-0.1, 0.1)
    down = DOWN[:, ::50]
    above, below = skin(down, now, before)
    maps = parting(down, now, above, drawn_out(down, now, before), below)
    larger = torch.nn.functional.interpolate(maps, (2001, 1), mode="bilinear", align_corners=True)
    points = (DOWN + parted(larger)[:, 0]).flatten()
    assert not ((points > -0.09) & (points < 0.09)).any()


def test_edges_that_have_passed_each_other_meet_in_their_middle() -> None:
    found = Edges.of(torch.tensor([0.3]), torch.tensor([0.1]), torch.tensor([0.05]))
    assert found.upper.item() == found.lower.item() == pytest.approx(0.15)
    assert Edges.of(torch.tensor([0.1]), torch.tensor([0.3]), torch.tensor([0.05])).height.item() == pytest.approx(0.2)


def test_nothing_that_stays_moves() -> None:
    torch.testing.assert_close(was_at(edges(-0.1, 0.2), edges(-0.1, 0.2)), DOWN.flatten(), rtol=0, atol=1e-12)


def test_what_is_beyond_edges_is_so_by_its_distance() -> None:
    found = edges(-0.1, 0.2).beyond(torch.tensor([-0.15, 0.0, 0.25], dtype=torch.float64).view(1, 3, 1)).flatten()
    assert found.tolist() == pytest.approx([0.05, -0.1, 0.05])
