"""What a source shows beyond its edges."""

import pytest
import torch

from ptus.model.mirroring import STRIP, mirrored, within_reach


def test_inside_nothing_changes() -> None:
    inside = torch.rand(50, 7, 2) * 2 - 1
    inside[0], inside[1] = 1, -1
    assert torch.equal(mirrored(inside), inside)
    assert torch.equal(within_reach(inside), inside)


def test_beyond_an_edge_is_its_mirror_image() -> None:
    assert mirrored(torch.tensor([1.125, -1.25])).tolist() == [0.875, -0.75]


def test_a_strip_beside_and_below_is_mirrored_and_nothing_above() -> None:
    far = torch.tensor([(9.0, 9.0), (-9.0, -9.0)], dtype=torch.float64)
    shown = torch.tensor([(1 - STRIP, 1 - STRIP), (STRIP - 1, -1)], dtype=torch.float64)
    torch.testing.assert_close(mirrored(within_reach(far)), shown)


@pytest.mark.parametrize("outside", [(1.2, 0.0), (-1.2, 0.0), (0.0, 1.2), (0.0, -1.2), (9.0, 9.0)])
def test_a_mirror_image_moves_nothing(outside: tuple[float, float]) -> None:
    where = torch.tensor(outside).requires_grad_()
    mirrored(within_reach(where)).sum().backward()
    assert where.grad is not None
    assert where.grad.tolist() == [float(abs(place) < 1) for place in outside]
