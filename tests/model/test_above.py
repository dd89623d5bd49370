"""Hair that a source's upper edge cuts off, and what is behind it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import PTUS, Motion
from ptus.model.above import ASIDE, FADE, CutOff
from ptus.model.hair import MARGIN, RAYS, Hair
from ptus.model.head_frame import HALF_HEIGHT, HALF_WIDTH, MIDDLE, HeadFrame
from ptus.model.layers import identity_grid
from ptus.model.prior import AROUND
from ptus.model.source_edges import Sides
from tests.model.conftest import SLIM
from tests.model.test_gaze import AHEAD, head

COLOURS = torch.tensor([[0.2, 0.4], [0.6, 0.6], [0.9, 0.1]])  # RGB of what is left and right of a head
SCALE, REACH = 0.5, 1.35
HAIR = Hair(torch.full((1, RAYS), REACH))
CROWN = REACH - MARGIN
HALF = REACH * HALF_WIDTH * SCALE  # as far as hair may reach to a side


def at(x: float, y: float, roll: float = 0.0) -> Motion:
    return replace(head(AHEAD, roll=roll, scale=SCALE), translation=torch.tensor([[x, y, 0.0]]))


def sides(size: int) -> Tensor:
    return COLOURS[None, :, None].repeat_interleave(size // 2, dim=-1).expand(1, 3, size, size)


def around(side: int = 129) -> Tensor:
    """Places from -2 to 2."""
    return 2 * identity_grid((side, side), torch.zeros(1, 1)).unsqueeze(0)


def frame_distance(motion: Motion, side: int) -> Tensor:
    """Of the same places from the head's middle, by the head's own frame, in which -1 to 1 are twice as far."""
    halved = replace(motion, translation=motion.translation / 2, scale=motion.scale / 2)
    return HeadFrame.of(halved, (side, side)).distance().sqrt()


def test_within_the_source_nothing_is_behind() -> None:
    places = identity_grid((33, 33), torch.zeros(1)).unsqueeze(0)
    _, share = CutOff.of(at(0.1, -0.5), HAIR).behind(places, sides(8))
    assert not share.any()


def test_it_is_passed_where_something_is_behind() -> None:
    inside, whole = identity_grid((9, 9), torch.zeros(1)).unsqueeze(0), at(0.0, 0.5)
    for source, places in ((at(0.0, -0.5), inside), (at(0.0, -0.5), around()), (whole, around())):
        cut_off = CutOff.of(source, HAIR)
        _, share = cut_off.behind(places, sides(8))
        assert cut_off.is_passed(places) == bool(share.any())


@pytest.mark.parametrize("roll", [0.0, 0.4, -0.7])
@pytest.mark.parametrize("place", [(0.0, -0.4), (0.2, -0.7)])
def test_above_the_edge_hair_is_an_ellipse_about_the_head(place: tuple[float, float], roll: float) -> None:
    source, places = at(*place, roll=roll), around()
    cut_off = CutOff.of(source, HAIR)
    _, share = cut_off.behind(places, sides(8))
    x, y = places.unbind(-1)
    above = (y < -1 - FADE) & ((x - cut_off.middle).abs() < HALF)
    distance = frame_distance(source, 129)[:, 0]
    hair, open_air = above & (distance < CROWN), above & (distance > CROWN + FADE / source.scale)
    assert hair.any() and open_air.any()
    assert not share[:, 0][hair].any()
    assert (share[:, 0][open_air] == 1).all()


def test_far_aside_the_first_row_is_drawn_out() -> None:
    cut_off, places = CutOff.of(at(0.0, -0.5), HAIR), around()
    _, share = cut_off.behind(places, sides(8))
    beside = (places[..., 0] - cut_off.middle).abs() - HALF > ASIDE
    assert beside.any() and not share[:, 0][beside].any()


@pytest.mark.parametrize("roll", [0.0, 0.5, -0.8])
def test_a_head_whose_hair_ends_below_the_edge_is_not_cut(roll: float) -> None:
    """Hair ends where the ellipse about a tilted head, that much larger, is highest."""
    lying = at(0.0, 0.0, roll)
    reach = -around()[..., 1][frame_distance(lying, 129)[:, 0] < REACH + AROUND].min().item()
    for gap, cut in ((0.05, False), (-0.05, True)):
        _, share = CutOff.of(at(0.0, -1 + reach + gap, roll), HAIR).behind(around(), sides(8))
        assert bool(share.any()) is cut


@pytest.mark.parametrize("roll", [0.0, 0.5, -0.8])
def test_what_is_drawn_lies_to_both_sides_of_what_the_edge_cuts(roll: float) -> None:
    source, places = at(0.1, -0.6, roll), around(513)
    _, share = CutOff.of(source, HAIR).behind(places, sides(8))
    x, y = places[0].unbind(-1)
    row = y[:, 0].sub(-1).abs().argmin()
    cut = x[row][frame_distance(source, 513)[0, 0, row] < CROWN]
    highest = x[0][share[0, 0, 0] == 1]
    assert cut.mean().item() == pytest.approx(highest.mean().item(), abs=0.02)
    assert highest.max() - highest.min() == pytest.approx(2 * HALF, abs=0.02)


def test_colours_go_from_those_on_the_left_to_those_on_the_right() -> None:
    source = at(0.0, -0.5)
    colours, _ = CutOff.of(source, HAIR).behind(around(), sides(64))
    way = ((around()[..., 0] + HALF) / (2 * HALF)).clamp(0, 1).unsqueeze(1)
    left, right = COLOURS[None, :, :, None].split(1, dim=2)
    torch.testing.assert_close(colours, left + (right - left) * way)


def test_colours_are_the_mean_of_a_strip() -> None:
    ramp = identity_grid((256, 256), torch.zeros(1))[..., :1].movedim(-1, 0).unsqueeze(0)
    colours, _ = CutOff.of(at(0.0, -0.5), HAIR).behind(around(), ramp)
    assert colours[..., -1].mean().item() == pytest.approx(HALF + ASIDE / 2, abs=0.01)
    assert colours[..., 0].mean().item() == pytest.approx(-HALF - ASIDE / 2, abs=0.01)


def test_neither_places_nor_heads_learn_from_it() -> None:
    """Least of all where a root's slope has no bound: at the ellipse's top."""
    source = at(0.0, -0.5)
    for tensor in (source.translation, source.scale, source.rotation):
        tensor.requires_grad_()
    top = -0.5 + SCALE * (MIDDLE - CROWN * HALF_HEIGHT)
    places, colours = torch.tensor([[[[0.0, top]]]], requires_grad=True), sides(8).clone().requires_grad_()
    behind, share = CutOff.of(source, HAIR).behind(places, colours)
    assert behind.requires_grad and not share.requires_grad
    behind.sum().backward()
    assert colours.grad is not None and places.grad is None and source.scale.grad is None


@torch.no_grad()
def test_a_head_that_shrinks_leaves_no_pillar_of_hair() -> None:
    """Of a head cut off at the edge, dark before a bright wall; where the picture goes on, edges see to it instead."""
    model = PTUS(SLIM).eval()
    side = SLIM.size
    source = torch.full((1, 3, side, side), 0.9)
    motion = at(0.0, -0.4)
    middle = motion.translation[0, :2] + torch.tensor([0.0, SCALE * MIDDLE])
    x, y = (identity_grid((side, side), source) - middle).unbind(-1)
    source[..., (x / HALF_WIDTH).square() + (y / HALF_HEIGHT).square() < (1.2 * SCALE) ** 2] = 0.1
    assert (source[0, :, 0] < 0.5).any()
    motion = replace(motion, body=torch.rand(1, SLIM.body_keypoints, 3) * 0.1 + 0.5)
    smaller = replace(motion, scale=motion.scale * 0.6)
    appearance = model.encode(source)
    pillar, shown = (
        model.render_with_warp(appearance, motion, smaller, goes_on).pictures[0, :, 1, side // 2].mean().item()
        for goes_on in (Sides(top=True), Sides())
    )
    assert pillar < 0.3 and shown > 0.6
