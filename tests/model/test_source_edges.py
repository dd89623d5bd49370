"""What a source shows at its edges, and beyond them."""

import pytest
import torch

from ptus.model.layers import identity_grid
from ptus.model.source_edges import STRIP, Sides, mirrored, within_reach


def test_inside_nothing_changes() -> None:
    inside = torch.rand(50, 7, 2) * 2 - 1
    inside[0], inside[1] = 1, -1
    assert torch.equal(mirrored(inside, 9), inside)
    assert torch.equal(within_reach(inside), inside)


def test_beyond_an_edge_is_its_mirror_image() -> None:
    """Edges are half a pixel beyond the outermost ones' middles: here at 1.25."""
    assert mirrored(torch.tensor([1.25, 1.375, -1.5, 1.2]), 5).tolist() == pytest.approx([1.25, 1.125, -1.0, 1.2])


def test_a_strip_beside_and_below_is_mirrored_and_nothing_above() -> None:
    far = torch.tensor([[(9.0, 9.0), (-9.0, -9.0)]], dtype=torch.float64)
    shown = torch.tensor([[(1 - STRIP, 1 - STRIP), (STRIP - 1, -1)]], dtype=torch.float64)
    torch.testing.assert_close(mirrored(within_reach(far), 1001), shown, atol=0.003, rtol=0)


@pytest.mark.parametrize("outside", [(1.2, 0.0), (-1.2, 0.0), (0.0, 1.2), (0.0, -1.2), (9.0, 9.0)])
def test_a_mirror_image_moves_nothing(outside: tuple[float, float]) -> None:
    where = torch.tensor([[outside]]).requires_grad_()
    mirrored(within_reach(where), 256).sum().backward()
    assert where.grad is not None
    assert where.grad.flatten().tolist() == [float(abs(place) < 1) for place in outside]


@pytest.mark.parametrize("side", Sides._fields)
@pytest.mark.parametrize("moved", [(0.3, 0.1), (-0.3, 0.2), (0.1, 0.9), (0.5, -0.9)])
def test_where_the_picture_goes_on_nothing_moves_and_beside_it_little(side: str, moved: tuple[float, float]) -> None:
    still = identity_grid((9, 17), torch.zeros((), dtype=torch.float64))
    axis, sign = Sides._fields.index(side) % 2, 1 if side in ("right", "bottom") else -1
    wanted = (still + torch.tensor(moved, dtype=torch.float64)).clamp(-1 - STRIP, 1 + STRIP)
    wanted[..., 1].clamp_(min=-1)
    found = within_reach(wanted, Sides(**{side: True}))
    distance = 1 - sign * still[..., axis]
    away = 1 if side == "bottom" else 3
    towards = sign * (wanted - still)[..., axis]
    torch.testing.assert_close(sign * (found - still)[..., axis], towards.clamp(-away * distance, distance / 2))
    other = (wanted - still)[..., 1 - axis]
    along = other if side == "top" else other.clamp(-away * distance, away * distance)
    torch.testing.assert_close((found - still)[..., 1 - axis], along)


def test_what_stays_is_seen_at_its_place_whichever_sides_go_on() -> None:
    still = identity_grid((5, 8), torch.zeros(()))
    for bits in range(16):
        goes_on = Sides(*(bool(bits >> side & 1) for side in range(4)))
        torch.testing.assert_close(within_reach(still, goes_on), still)
