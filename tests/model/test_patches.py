"""Patches lie on frames where the head is, upright in it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from ptus.model import Motion
from ptus.model.patches import Patch, points
from ptus.model.rotation import upright
from tests.model.test_gaze import head

AHEAD, SIZE = (0.0, 0.0), (61, 81)
HEADS = Motion.cat([head(AHEAD, 0.4, 0.2, 0.5), head(AHEAD, -0.3, -0.5, 0.2), head(AHEAD, 0.0, 0.0, 3.0)])
CENTRES = torch.tensor([[0.1, -0.2], [0.9, 0.9], [-0.3, 0.2]])
HALF = torch.tensor([[0.5, 0.2], [0.3, 0.6], [0.4, 0.4]])


def hill(half: Tensor) -> Tensor:
    """Where points are in their patch, to the right and down, within an ellipse: (B, 2, 17, 19)."""
    x, y = points(half, (17, 19))
    inside = (x / half[:, :1, None]).square() + (y / half[:, 1:, None]).square() < 0.9
    return inside.unsqueeze(1) * torch.stack((x.expand(-1, 17, -1), y.expand(-1, -1, 19)), dim=1)


def patch(frames: slice | list[int] = slice(None)) -> Patch:
    heads = HEADS[frames]
    return Patch.over(hill(HALF[frames]), heads, CENTRES[frames], HALF[frames])


def test_points_of_a_patch_are_where_they_are_in_the_head() -> None:
    for frame in range(2):
        found = patch([frame])
        laid = found.on((401, 401))
        maps = laid.spread(laid.maps)
        assert maps.shape == (1, 2, 401, 401)
        axes, scale = upright(HEADS[[frame]].rotation)[0], HEADS.scale[frame]
        for at in torch.tensor([[0.3, 0.1], [-0.2, 0.5], [0.0, 0.0]]):
            place = CENTRES[frame] + scale * (at * HALF[frame]) @ axes
            if place.abs().max() > 1:
                continue
            column, row = ((place + 1) / 2 * 400).round().int().tolist()
            torch.testing.assert_close(maps[0, :, row, column], at * HALF[frame], rtol=0, atol=0.02)


@pytest.mark.parametrize("end", [1.0, 0.5, 1.01])
@pytest.mark.parametrize("frames", [[0], [1], [2], [0, 1], [0, 1, 2]], ids=str)
def test_only_where_it_may_be_is_computed(frames: list[int], end: float) -> None:
    looked = patch(frames)
    everywhere = replace(looked, reach=None)
    assert looked.reach is not None
    for size in (SIZE, (8, 8), (1, 1)):
        laid, whole = looked.on(size, end), everywhere.on(size, end)
        torch.testing.assert_close(laid.spread(laid.maps), whole.spread(whole.maps), rtol=0, atol=1e-6)
    assert frames != [0] or looked.on(SIZE).maps.numel() < 0.5 * whole_size(everywhere)


def whole_size(patch: Patch) -> int:
    return patch.on(SIZE).maps.numel()


def test_a_head_that_is_nowhere_or_beside_the_frame() -> None:
    away = Patch.over(hill(HALF[:1]), HEADS[:1], CENTRES[:1] + 9, HALF[:1]).on(SIZE)
    assert not away.spread(away.maps).any()
    nowhere = Patch.over(hill(HALF[:1]), HEADS[:1], CENTRES[:1] * torch.nan, HALF[:1])
    assert nowhere.reach is None and nowhere.on(SIZE).maps.shape[2:] == SIZE


def test_of_no_frames_nothing_is_laid() -> None:
    assert patch([]).on(SIZE).maps.shape == (0, 2, *SIZE)


def test_what_is_recorded_holds_for_other_heads() -> None:
    def laid(centre: Tensor) -> Tensor:
        found = Patch.over(hill(HALF[:1]), HEADS[:1], centre, HALF[:1]).on(SIZE)
        return found.spread(found.maps)

    recorded = make_fx(laid)(CENTRES[:1])
    torch.testing.assert_close(recorded(-CENTRES[:1]), laid(-CENTRES[:1]))
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert laid(mode.from_tensor(CENTRES[:1])).shape == (1, 2, *SIZE)
