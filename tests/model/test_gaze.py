"""Irises go where eyes look, between corners and lids, which stay."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ptus.model import PTUS, ModelConfig, Motion, TransferOptions, standing, transfer
from ptus.model.eyes import EyeFlow
from ptus.model.gaze import CORNERS, FARTHEST, HALF_WIDTH, RADIUS, SHUT, WHOLE, iris_shift
from ptus.model.rotation import from_angles, upright, width
from ptus.training.known import BODY, KnownMotion
from tests.model.conftest import SLIM, SWITCHED

SIZE = (257, 321)
HEIGHT, WIDE_OPEN = 0.12, 10.0
AHEAD = (0.0, 0.0)
UPPER, LOWER = ([pair[lid] for pair in standing.OPENINGS[:2]] for lid in (0, 1))


def head(gaze: tuple[float, float], roll: float = 0.3, yaw: float = 0.0, scale: float = 0.6) -> Motion:
    """A head of which the eyes look where they are told."""
    canonical = torch.tensor(standing.face(15))[None]
    return Motion(
        body=torch.zeros(1, SLIM.body_keypoints, 3),
        canonical=canonical,
        rotation=from_angles(torch.tensor([[yaw, 0.0, roll]])),
        translation=torch.tensor([[0.1, 0.05, 0.0]]),
        scale=torch.tensor([[scale]]),
        expression=torch.zeros_like(canonical),
        gaze=torch.tensor([gaze]),
    )


def irises(motion: Motion) -> Tensor:
    """In the picture, half way between lids: (2, 2)."""
    right, down = upright(motion.rotation)[0]
    apart = (motion.face[0, UPPER, :2] - motion.face[0, LOWER, :2]) @ down / 2
    aside = motion.scale * width(motion.rotation) * motion.gaze[0, :, None] * right
    places: Tensor = motion.face[0, LOWER, :2] + apart[:, None] * down + aside
    return places


def gaze_flow(source: Motion, driven: Motion, size: tuple[int, int] = SIZE) -> Tensor:
    return EyeFlow.between(source, driven, None).at(size)


def shift(across: Tensor, along: Tensor, height: float, now: float, before: float) -> tuple[Tensor, Tensor]:
    return iris_shift(across, along, *(torch.tensor(number).view(1, 1, 1) for number in (height, now, before)))


@pytest.mark.parametrize(("now", "before"), [(0.05, 0.0), (-FARTHEST, WHOLE), (0.03, -0.05), (9.0, -9.0)])
def test_points_keep_their_order_and_lids_what_they_hide(now: float, before: float) -> None:
    """Lids are arcs between corners a little below the eye's middle; nothing is folded between them.

    Where there is less of the eye than was seen of it, points keep their height; where there is more, their share of
    the way to a lid.
    """
    across = torch.linspace(-0.138, 0.138, 501, dtype=torch.float64).view(1, 1, -1)
    farthest = []
    for share in torch.linspace(-1, 1, 21).tolist():

        def line(at: Tensor, share: float = share) -> Tensor:
            to_lid = (0.5 + CORNERS) if share < 0 else (0.5 - CORNERS)
            return HEIGHT * (CORNERS + share * to_lid * (1 - (at / HALF_WIDTH) ** 2))

        right, down = shift(across, line(across), HEIGHT, now, before)
        assert ((across + right).diff() > 0).all()
        drawn_out = (across + right).abs() > across.abs()
        torch.testing.assert_close(line(across) + down, torch.where(drawn_out, line(across + right), line(across)))
        farthest.append(float(right.abs().max()))
    whole = min(abs(now - before), FARTHEST + WHOLE)
    assert farthest[0] < 1e-6 and farthest[-1] < 1e-6 and farthest[10] == pytest.approx(whole, rel=1e-2)


def test_nothing_moves_beyond_an_eye() -> None:
    columns, rows = torch.linspace(-0.3, 0.3, 121).view(1, 1, -1), torch.linspace(-0.2, 0.2, 81).view(1, -1, 1)
    right, down = (each.expand(1, 81, 121) for each in shift(columns, rows, HEIGHT, 0.05, -0.05))
    beyond = (columns.abs() >= HALF_WIDTH) | (rows.abs() >= HEIGHT / 2)
    assert right.any() and not right[beyond].any() and not down[beyond].any()


def test_an_iris_moves_as_a_whole() -> None:
    on_iris = 0.04 + torch.linspace(-RADIUS, RADIUS, 9).view(1, 1, -1)
    right, _ = shift(on_iris, torch.zeros_like(on_iris), HEIGHT, now=0.04, before=-0.03)
    torch.testing.assert_close(right, torch.full_like(right, -0.07))


def test_corners_hide_a_part_of_irises_but_not_their_middles() -> None:
    at, along = (torch.full((1, 1, 1), place) for place in (FARTHEST, CORNERS * HEIGHT))
    right, _ = shift(at, along, HEIGHT, now=9.0, before=-9.0)
    torch.testing.assert_close(at + right, torch.full_like(at, -WHOLE))
    assert FARTHEST < HALF_WIDTH < FARTHEST + RADIUS and WHOLE + RADIUS < HALF_WIDTH


def test_in_an_eye_that_is_shut_nothing_moves() -> None:
    middle = torch.zeros(1, 1, 1)
    right = [float(shift(middle, middle, height, 0.0, 0.05)[0]) for height in (-0.1, 0.0, SHUT, 1.5 * SHUT, 2 * SHUT)]
    assert right == pytest.approx([0.0, 0.0, 0.0, 0.025, 0.05])


@pytest.mark.parametrize("yaws", [(0.0, 0.0), (0.5, 0.5), (0.6, -0.7)])
@pytest.mark.parametrize("look", [(0.04, 0.03), (-0.03, -0.05)])
def test_a_driven_iris_shows_that_of_the_source(yaws: tuple[float, float], look: tuple[float, float]) -> None:
    source, driven = head((0.01, -0.01), roll=-0.2, yaw=yaws[0], scale=0.5), head(look, yaw=yaws[1])
    without = replace(source, gaze=driven.gaze)  # what the head's own motion would show there
    flow = gaze_flow(source, driven).permute(0, 3, 1, 2)
    found = grid_sample(flow, irises(driven)[None, None], align_corners=True)[0, :, 0].T
    torch.testing.assert_close(found, irises(source) - irises(without), atol=0.003, rtol=0)
    # How far the eye reaches: corners of a head that turns are nearer.
    right = upright(driven.rotation)[0, 0]
    for beside, moves in ((0.8, True), (1.1, False)):
        corner = irises(replace(driven, gaze=torch.zeros(1, 2))) + beside * HALF_WIDTH * driven.scale * width(
            driven.rotation
        ) * right * torch.tensor([[-1.0], [1.0]])
        down = CORNERS * (driven.face[0, LOWER, :2] - driven.face[0, UPPER, :2])
        at_corner = grid_sample(flow, (corner + down)[None, None], align_corners=True)
        assert ((at_corner.abs().amax() > 0.002) == moves).all()


@pytest.mark.parametrize("aside", [-0.06, 0.06])
def test_gaze_counts_from_the_lower_lid_wherever_the_upper_one_is(aside: float) -> None:
    """Both rims of an iris move as its middle does."""
    still = head((-0.015, -0.015), roll=0.0)
    expression = still.expression.clone()
    expression[:, LOWER, 0] = aside
    source = replace(still, expression=expression)
    driven = replace(source, gaze=source.gaze + 0.03)
    flow = gaze_flow(source, driven).permute(0, 3, 1, 2)
    for rim in (-0.95, 0.0, 0.95):
        at = irises(driven) + torch.tensor([rim * RADIUS * float(driven.scale), 0.0])
        found = grid_sample(flow, at[None, None], align_corners=True)[0, 0, 0]
        torch.testing.assert_close(found, torch.full((2,), -0.03 * float(driven.scale)), atol=0.002, rtol=0)


def test_steps_are_along_the_sources_head_and_as_large() -> None:
    flow = gaze_flow(head(AHEAD, roll=0.0), head((0.03, 0.03)))
    quarter = from_angles(torch.tensor([[0.0, 0.0, 0.5]]))[0, :2, :2]
    torch.testing.assert_close(gaze_flow(head(AHEAD, roll=0.5, scale=0.3), head((0.03, 0.03))), flow @ quarter / 2)


def test_nothing_moves_but_eyes_that_look_elsewhere() -> None:
    still, one = head(AHEAD), head((0.03, 0.0))
    assert not gaze_flow(still, still).any()
    moved = gaze_flow(still, one)[0].abs().amax(dim=-1) > 0
    columns = torch.linspace(-1, 1, SIZE[1]).expand(SIZE)[moved]
    assert 10 < moved.sum() < 0.01 * moved.numel()
    assert (columns - one.face[0, UPPER[0], 0]).abs().max() < 1.5 * HALF_WIDTH * 0.6  # tilted; the other is 0.33 away


@pytest.mark.parametrize("shut", ["source", "driven"])
def test_nobody_knows_where_an_eye_looks_that_is_shut_in_either(shut: str) -> None:
    heads = {"source": head(AHEAD), "driven": head((0.03, 0.03))}
    expression = torch.zeros_like(heads[shut].expression)
    lids = heads[shut].face[:, LOWER] - heads[shut].face[:, UPPER]
    expression[:, UPPER[:1]] = (lids / heads[shut].scale)[:, :1]
    heads[shut] = replace(heads[shut], expression=expression)
    flow = gaze_flow(heads["source"], heads["driven"])[0].abs().amax(dim=-1)
    moving = torch.linspace(-1, 1, SIZE[1]).expand(SIZE)[flow > 0]
    assert (moving > heads[shut].face[:, UPPER, 0].mean()).all() and len(moving) > 10


def test_each_of_a_batch_is_moved_by_itself() -> None:
    sources = [head((0.01, 0.0), roll, yaw, scale) for roll, yaw, scale in ((0.1, 0.2, 0.5), (-0.4, -0.3, 0.3))]
    driven = [head((0.05, -0.03), 0.3, -0.2, 0.4), head((-0.02, 0.04), -0.2, 0.5, 0.6)]
    together = gaze_flow(Motion.cat(sources), Motion.cat(driven))
    alone = torch.cat([gaze_flow(*pair) for pair in zip(sources, driven, strict=True)])
    torch.testing.assert_close(together, alone)
    assert (alone[0] - alone[1]).abs().max() > 0.01


def test_flow_has_the_gradients_of_its_differences() -> None:
    source, driven = head((0.011, -0.007)), head((0.03, 0.02))

    def flow(before: Tensor, now: Tensor, scale: Tensor) -> Tensor:
        there, here = (Motion(*(part.double() for part in motion.tensors())) for motion in (source, driven))
        return gaze_flow(replace(there, gaze=before), replace(here, gaze=now, scale=scale), (21, 23))

    inputs = [part.double().requires_grad_() for part in (source.gaze, driven.gaze, driven.scale)]
    assert torch.autograd.gradcheck(flow, inputs, eps=1e-6, atol=1e-4)


def test_eyes_that_are_fixed_in_a_turning_head_look_where_they_did() -> None:
    """However far driver and reference turn, and the source beside them: what is read of irises is of the head."""
    read = []
    for yaw in (0.1, 0.8):
        canonical = torch.tensor([*standing.FACE.values(), *standing.IRISES.values()])[None]
        canonical[0, -2:] += torch.tensor([0.03, 0.0, 0.0])
        canonical[0, LOWER, 2] = canonical[0, -2:, 2]  # at one depth, so that nothing but width changes
        turned = head(AHEAD, yaw=yaw)
        face = turned.scale * canonical @ turned.rotation + turned.translation
        known = KnownMotion(
            turned.rotation, turned.translation, turned.scale, canonical, face, torch.zeros(1, len(BODY), 3)
        )
        read.append(replace(turned, gaze=known.gaze))
    source = head((-0.01, 0.01), yaw=-0.4)
    torch.testing.assert_close(read[1].gaze, torch.full((1, 2), 0.03))
    torch.testing.assert_close(transfer(source, read[1], read[0], TransferOptions()).gaze, source.gaze)


@pytest.mark.parametrize("name", ["slim", "head not solid"])
def test_the_models_flow_follows(name: str, make: Callable[[ModelConfig], PTUS]) -> None:
    model, side = make(SWITCHED[name]), SLIM.size
    source, driven = head(AHEAD, roll=0.0), head((0.04, 0.04), roll=0.0)
    with torch.no_grad():
        appearance = model.encode(torch.rand(1, 3, side, side))
        before, after = (model.render_with_warp(appearance, source, shown) for shown in (source, driven))
    moved = after.flow - before.flow
    torch.testing.assert_close(moved, gaze_flow(source, driven, (side, side)), atol=2e-3, rtol=0)
    assert moved[..., 0].min() < -0.015
    deformed = (after.warped.deformation - before.warped.deformation)[..., 0]
    assert deformed.min() < -0.01 and (deformed.amin(dim=(2, 3)) < -0.01).all()  # at every depth
