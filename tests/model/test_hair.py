"""How far hair reaches, told from a picture's colours."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import PTUS, Motion
from ptus.model.hair import LOWEST, MARGIN, RAYS, USUAL, Hair
from ptus.model.head_frame import HeadFrame
from ptus.model.layers import identity_grid
from tests.model.conftest import SLIM
from tests.model.test_gaze import AHEAD, head

SIDE = 128


def at(x: float, y: float, scale: float, roll: float = 0.0) -> Motion:
    return replace(head(AHEAD, roll=roll, scale=scale), translation=torch.tensor([[x, y, 0.0]]))


def portrait(motion: Motion, left: float, right: float) -> Tensor:
    """Dark hair that reaches so far to both sides of a head, before a wall of many light colours."""
    frame = HeadFrame.of(motion, (SIDE, SIDE))
    reach = torch.where(frame.across < 0, left, right)
    light = torch.rand(1, 3, SIDE // 8, SIDE // 8).repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    hair = torch.tensor([0.15, 0.1, 0.05])[:, None, None] + 0.03 * torch.rand(1, 3, SIDE, SIDE)
    return torch.where(frame.distance(reach) < 1, hair, 0.4 + 0.6 * light)


@pytest.mark.parametrize("reaches", [(1.1, 1.1), (1.25, 1.25), (1.45, 1.45), (1.1, 1.4)])
@pytest.mark.parametrize("motion", [at(0.0, 0.0, 0.45), at(0.1, 0.2, 0.4, 0.5), at(-0.2, 0.3, 0.3, -0.3)])
def test_it_ends_where_its_colours_do(motion: Motion, reaches: tuple[float, float]) -> None:
    found = Hair.of(portrait(motion, *reaches), motion).reach[0] - MARGIN
    middle, side = RAYS // 2, round(RAYS / 2 / LOWEST)  # below its middle a head's rim is not the ellipse of its hair
    for rays, reach in ((found[middle - side : middle - 1], reaches[0]), (found[middle + 2 :][: side - 1], reaches[1])):
        torch.testing.assert_close(rays, torch.full_like(rays, reach), rtol=0, atol=0.12)


def test_where_no_colour_tells_it_is_as_long_as_it_mostly_is() -> None:
    found = Hair.of(torch.full((1, 3, SIDE, SIDE), 0.5), at(0.0, 0.0, 0.45)).reach - MARGIN
    assert (found - USUAL).abs().max() < 0.1


def test_what_lies_beyond_the_picture_tells_nothing() -> None:
    """A head cut off above: rays that leave the picture within hair end as most do, and those beside are told."""
    motion, reach = at(0.0, -0.7, 0.45), 1.1
    picture = portrait(motion, reach, reach)
    found = Hair.of(picture, motion).reach[0] - MARGIN
    middle, side = RAYS // 2, int(RAYS / 2 / LOWEST)
    assert (found[middle] - USUAL).abs() < 0.12
    for ray in (middle - side, middle + side):
        assert (found[ray] - reach).abs() < 0.1
    all_hair = portrait(motion, 9.0, 9.0)
    assert (Hair.of(all_hair, motion).reach[0] - MARGIN - USUAL).abs().max() < 0.15


def test_hair_at_the_edge_is_not_taken_for_what_is_behind() -> None:
    """Nor does it go on beyond: rays leave the picture above, where the edge cuts hair off."""
    motion, reach = at(0.0, -0.5, 0.45), 1.5
    found = Hair.of(portrait(motion, reach, reach), motion).reach[0] - MARGIN
    middle, side = RAYS // 2, int(RAYS / 2 / LOWEST)
    assert found[[middle - side, middle + side]].min() > reach - 0.14
    assert found[middle] < reach


@torch.no_grad()
def test_what_is_behind_short_hair_stays_and_long_hair_goes_along() -> None:
    """The same motion, of a head that goes aside, and the same features: only the picture tells them apart."""
    model = PTUS(SLIM).eval()
    source = replace(at(-0.1, 0.0, 0.35), body=0.3 * torch.rand(1, SLIM.body_keypoints, 3) + 0.6)
    driven = replace(source, translation=source.translation + torch.tensor([0.1, 0.0, 0.0]))
    appearance = model.encode(torch.rand(1, 3, SLIM.size, SLIM.size))
    far = (HeadFrame.of(driven, (SLIM.size, SLIM.size)).distance().sqrt() - 1.4).abs()[0, 0] < 0.05
    far[SLIM.size // 2 :] = False
    moved = []
    for reach in (1.0, 1.6):
        looked = replace(appearance, picture=portrait(source, reach, reach))
        flow = model.render_with_warp(looked, source, driven).flow[0]
        moved.append((flow - identity_grid((SLIM.size, SLIM.size), flow))[far][:, 0].mean().item())
    assert moved[1] < -0.08 and moved[0] > moved[1] + 0.02


def test_each_of_a_batch_is_looked_at_by_itself() -> None:
    motions = [at(0.0, 0.0, 0.45), at(0.1, 0.2, 0.4, 0.5)]
    pictures = [portrait(motion, 1.1, 1.4) for motion in motions]
    both = Motion(*(torch.cat(pair) for pair in zip(*(motion.tensors() for motion in motions), strict=True)))
    found = Hair.of(torch.cat(pictures), both).reach
    alone = torch.cat([Hair.of(picture, motion).reach for picture, motion in zip(pictures, motions, strict=True)])
    torch.testing.assert_close(found, alone)


def test_points_have_the_reach_of_their_ray_and_below_that_of_the_lowest() -> None:
    hair = Hair(torch.arange(RAYS, dtype=torch.float32)[None])
    last, side = RAYS - 1, (RAYS - 1) / 2 / LOWEST
    places = torch.tensor([(0.0, -1.0), (1.0, 0.0), (-2.0, 0.0), (0.5, -0.5), (0.5, 0.5), (0.1, 2.0), (-0.1, 2.0)])
    expected = [last / 2, last / 2 + side, last / 2 - side, last / 2 + side / 2, last, last, 0.0]
    across, along = (each[None, None, None] for each in places.unbind(dim=1))
    assert hair.at(HeadFrame(across, along))[0, 0, 0].tolist() == pytest.approx(expected)


def test_nothing_learns_from_it() -> None:
    motion = at(0.0, 0.0, 0.45)
    for tensor in (motion.scale, motion.translation, motion.rotation):
        tensor.requires_grad_()
    assert not Hair.of(torch.rand(1, 3, SIDE, SIDE).requires_grad_(), motion).reach.requires_grad
