"""Irises go where eyes look, between corners and lids, which stay."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ptus.model import PTUS, ModelConfig, Motion, TransferOptions, standing, transfer
from ptus.model.gaze import FARTHEST, HALF_WIDTH, OPEN, RADIUS, GazeFlow, iris_shift
from ptus.model.rotation import from_angles, upright, width
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
    flow = GazeFlow.between(source, driven)
    assert flow is not None
    return flow.at(size)


def shift(across: Tensor, along: Tensor, height: float, now: float, before: float) -> Tensor:
    return iris_shift(across, along, *(torch.tensor(number).view(1, 1, 1) for number in (height, now, before)))


@pytest.mark.parametrize(("now", "before"), [(0.05, 0.0), (-FARTHEST, FARTHEST), (0.03, -0.05), (9.0, -9.0)])
def test_points_of_an_eye_keep_their_order(now: float, before: float) -> None:
    columns = torch.linspace(-1.5 * HALF_WIDTH, 1.5 * HALF_WIDTH, 2001).view(1, 1, -1)
    rows = torch.linspace(-HEIGHT, HEIGHT, 41).view(1, -1, 1)
    moved = shift(columns, rows, HEIGHT, now, before)
    assert ((columns + moved).diff(dim=2) > 0).all() and moved.abs().max() > 0.04
    beyond = (columns.abs() >= HALF_WIDTH) | (rows.abs() >= HEIGHT / 2)
    assert not moved[beyond.expand_as(moved)].any()


def test_an_iris_moves_as_a_whole() -> None:
    on_iris = 0.04 + torch.linspace(-RADIUS, RADIUS, 9).view(1, 1, -1)
    moved = shift(on_iris, torch.zeros_like(on_iris), WIDE_OPEN, now=0.04, before=-0.03)
    torch.testing.assert_close(moved, torch.full_like(moved, -0.07))


def test_irises_stay_off_corners() -> None:
    at = torch.full((1, 1, 1), FARTHEST)
    moved = shift(at, torch.zeros_like(at), WIDE_OPEN, now=9.0, before=-9.0)
    torch.testing.assert_close(moved, -2 * at)


def test_in_a_closed_eye_nothing_moves() -> None:
    middle = torch.zeros(1, 1, 1)
    shifts = [float(shift(middle, middle, height, 0.0, 0.05)) for height in (-0.1, 0.0, OPEN / 2, OPEN)]
    assert shifts[:2] == [0.0, 0.0] and 0 < shifts[2] < 0.6 * shifts[3]


@pytest.mark.parametrize("yaws", [(0.0, 0.0), (0.5, 0.5), (0.6, -0.2)])
@pytest.mark.parametrize("look", [(0.04, 0.03), (-0.03, -0.05)])
def test_a_driven_iris_shows_that_of_the_source(yaws: tuple[float, float], look: tuple[float, float]) -> None:
    source, driven = head((0.01, -0.01), roll=-0.2, yaw=yaws[0], scale=0.5), head(look, yaw=yaws[1])
    without = replace(source, gaze=driven.gaze)  # what the head's own motion would show there
    flow = gaze_flow(source, driven).permute(0, 3, 1, 2)
    found = grid_sample(flow, irises(driven)[None, None], align_corners=True)[0, :, 0].T
    torch.testing.assert_close(found, irises(source) - irises(without), atol=0.002, rtol=0)


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
    without_lids = replace(one, canonical=one.canonical[:, :1], expression=one.expression[:, :1])
    assert GazeFlow.between(without_lids, without_lids) is None


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
    """However far driver and reference turn, and the source beside them."""
    driver = [head((0.02, 0.03), yaw=yaw) for yaw in (0.1, 0.8)]
    source = head((-0.01, 0.01), yaw=-0.4)
    found = transfer(source, driver[1], driver[0], TransferOptions())
    torch.testing.assert_close(found.gaze, source.gaze)


@pytest.mark.parametrize("name", ["slim", "single level", "head not solid"])
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
