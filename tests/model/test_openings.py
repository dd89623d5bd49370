"""What eyes and mouth show that the source does not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import ModelConfig, Motion, standing
from ptus.model.composition import Motions, local_motions
from ptus.model.decoder import HIDDEN, LARGEST_SHOWN
from ptus.model.gaze import SHUT
from ptus.model.motion import lids_and_lips
from ptus.model.openings import HALF_WIDTHS, LEAST_HEIGHT, Openings
from ptus.model.rotation import from_angles, product
from tests.model.conftest import SLIM
from tests.model.test_untrained import showing

SIZE, MOUTH, HALF = (161, 161), 2, 0.5
FACE = torch.from_numpy(standing.face(15))[None]


def opened(number: int, height: float, roll: float = 0.0, half: float = HALF) -> Motion:
    """A head that is tilted, one of its openings as high as is given, in units of the head's half size."""
    rotation = from_angles(torch.tensor([[0.0, 0.0, roll]]))
    upper, lower = standing.OPENINGS[number]
    moved = torch.zeros_like(FACE)
    moved[0, lower] = FACE[0, upper] + torch.tensor([0.0, height, 0.0]) - FACE[0, lower]
    at = torch.tensor([[0.1, -0.2, 0.0]])
    scale, gaze = torch.tensor([[half]]), torch.zeros(1, 2)
    return Motion(torch.zeros(1, 0, 3), FACE, rotation, at, scale, product(moved, rotation), gaze)


def openings(source: Motion, driven: Motion) -> Openings:
    """Of two motions of the same pose."""
    return Openings.between(Motions(driven.face, source.face), source, driven)


def at(maps: Tensor, motion: Motion, x: float, y: float) -> list[float]:
    """Both maps at a point of the head, in units of its half size."""
    point = HALF * product(torch.tensor([[[x, y, 0.0]]]), motion.rotation)[0, 0] + motion.translation[0]
    column, row = ((point[:2] + 1) / 2 * (SIZE[1] - 1)).round().int().tolist()
    return [round(value, 3) for value in maps[0, :, row, column].tolist()]


@pytest.mark.parametrize("roll", [0.0, 0.6])
@pytest.mark.parametrize("number", range(len(standing.OPENINGS)))
def test_what_opens_is_new_within_its_rim_and_nowhere_else(number: int, roll: float) -> None:
    height = 0.3
    motion, closed = opened(number, height, roll), opened(number, 0.0, roll)
    maps = openings(closed, motion).at(SIZE)
    assert maps.shape == (1, 2, *SIZE)
    assert not maps[:, 1].any()
    x, upper = FACE[0, standing.OPENINGS[number][0], :2].tolist()
    middle, new = upper + height / 2, round(height / (height + LEAST_HEIGHT), 3)
    for inside in ((x, middle), (x + 0.5 * HALF_WIDTHS[number], middle), (x, upper + 0.1)):
        assert at(maps, motion, *inside)[0] == pytest.approx(new, abs=2e-3)
    for outside in ((x + 1.1 * HALF_WIDTHS[number], middle), (x, upper - 0.04), (x, upper + height + 0.04)):
        assert at(maps, motion, *outside) == [0, 0]
    torch.testing.assert_close(openings(motion, closed).at(SIZE), maps.flip(1))  # what was open and is closed
    torch.testing.assert_close(openings(closed, motion).new(SIZE), maps[:, :1])
    parted = Openings.between(Motions(motion.face, closed.face), closed, motion, parted=True)
    torch.testing.assert_close(parted.at(SIZE), maps)
    torch.testing.assert_close(parted.new(SIZE), maps[:, :1] * (number != MOUTH))


def test_the_mouth_of_a_turned_head_is_narrower() -> None:
    turn = from_angles(torch.tensor([[1.0, 0.0, 0.0]]))
    wide, closed = (replace(opened(MOUTH, height), rotation=turn) for height in (0.3, 0.0))
    row = openings(closed, wide).new(SIZE)[0, 0].amax(dim=0)
    width = (row > 0).sum().item() * 2 / (SIZE[1] - 1)
    assert width == pytest.approx(2 * HALF_WIDTHS[MOUTH] * HALF * torch.cos(torch.tensor(1.0)).item(), abs=0.02)


def test_only_what_is_added_to_an_opening_is_new() -> None:
    wide, less = opened(MOUTH, 0.2), opened(MOUTH, 0.1)
    maps = openings(less, wide).at(SIZE)
    assert maps[:, 0].amax().item() == pytest.approx(0.1 / (0.2 + LEAST_HEIGHT), abs=1e-5)
    assert not openings(wide, wide).at(SIZE).any()


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("height", "share"), [(SHUT, 1.0), (1.5 * SHUT, 0.5), (2 * SHUT, 0.0)])
def test_eyes_that_open_wider_are_drawn_as_far_as_the_source_hides_them(
    number: int, height: float, share: float
) -> None:
    source, driven = opened(number, height), opened(number, 0.3)
    found = Openings.between(Motions(driven.face, source.face), source, driven, parted=True)
    torch.testing.assert_close(found.new(SIZE), share * found.at(SIZE)[:, :1], rtol=1e-4, atol=1e-5)


def test_what_a_source_does_not_show_is_not_taken_from_it() -> None:
    """Beyond its edges, or on a head that is turned aside where the driven one is not."""
    driven = opened(MOUTH, 0.2)
    below = replace(driven, translation=torch.tensor([[0.0, 0.9, 0.0]]))
    turned = replace(driven, rotation=from_angles(torch.tensor([[1.3, 0.0, 0.0]])))
    for source, shown in ((driven, [1, 1, 1]), (below, [1, 1, 0]), (turned, [0, 0, 0])):
        found = Openings.between(Motions(driven.face, source.face), source, driven, parted=True).of_source
        assert found is not None and found.share[0].tolist() == pytest.approx(shown)
    found = Openings.between(Motions(turned.face, driven.face), driven, turned, parted=True).of_source
    assert found is not None and found.share[0].tolist() == [1, 1, 1]


@torch.no_grad()
def test_lids_and_lips_are_the_sources_whatever_is_drawn() -> None:
    """They have flows of their own; so is all between them, but for eyes that have to be drawn."""
    model = showing(-30.0)
    motion = replace(opened(MOUTH, 0.3), body=torch.zeros(1, SLIM.body_keypoints, 3))
    found = model.render_with_warp(model.encode(torch.rand(1, 3, SLIM.size, SLIM.size)), motion, motion)
    shown = found.shown[0, 0]
    rims = lids_and_lips(motion.face)[0, ..., :2]
    for place in (*rims.flatten(0, 1), *rims.mean(dim=1)):
        column, row = ((place + 1) / 2 * (SLIM.size - 1)).round().int().tolist()
        assert shown[row, column].item() == pytest.approx(LARGEST_SHOWN)
    assert shown[0, 0].item() == pytest.approx(-LARGEST_SHOWN)


@pytest.mark.parametrize(("roll", "half"), [(0.0, 0.4), (0.5, HALF)])
def test_a_mouth_that_comes_nearer_or_tilts_does_not_open(config: ModelConfig, roll: float, half: float) -> None:
    """Whatever of the model is switched off."""
    source, driven = opened(MOUTH, 0.2, roll, half), opened(MOUTH, 0.2)
    _, seen = local_motions(config, source, driven)
    assert Openings.between(seen, source, driven).at(SIZE).abs().max() < 1e-5
    _, seen = local_motions(config, opened(MOUTH, 0.0), driven)
    assert Openings.between(seen, opened(MOUTH, 0.0), driven).at(SIZE)[:, 0].max() > 0.9


def test_a_face_without_lids_has_no_openings() -> None:
    face = torch.zeros(2, 1, 3)
    rotation, gaze = torch.eye(3).expand(2, 3, 3), torch.zeros(2, 2)
    motion = Motion(face[:, :0], face, rotation, torch.zeros(2, 3), torch.ones(2, 1), face, gaze)
    assert openings(motion, motion).at((4, 5)).tolist() == torch.zeros(2, 2, 4, 5).tolist()


def test_openings_are_differentiable() -> None:
    motions = [
        replace(motion, canonical=FACE.clone().requires_grad_()) for motion in (opened(MOUTH, 0.1), opened(MOUTH, 0.2))
    ]
    openings(*motions).at(SIZE).sum().backward()
    for motion in motions:
        gradient = motion.canonical.grad
        assert gradient is not None and gradient.isfinite().all()
        assert gradient[0, list(standing.OPENINGS[MOUTH]), 1].abs().min() > 0


@torch.no_grad()
def test_the_inside_of_an_eye_that_opens_is_drawn_and_not_taken_from_its_lids() -> None:
    model = showing(30.0)
    source, box = torch.rand(1, 3, SLIM.size, SLIM.size), torch.tensor([[-0.3, -0.6, 0.3, 0.0]])
    upper, lower = standing.OPENINGS[0]
    motion = model.estimate(source, box)
    shut, apart = motion.expression.clone(), motion.expression.clone()
    shut[:, lower] += (motion.face[:, upper] - motion.face[:, lower]) / motion.scale
    motion = replace(motion, expression=shut)
    apart[:, lower] = shut[:, lower] + torch.tensor([0.0, 0.4, 0.0])
    blended: list[Tensor] = []
    for name, module in model.decoder.levels.named_modules():
        if isinstance(module, torch.nn.Conv2d) and name.endswith("shown_and_flow") and module.bias is not None:
            module.weight.zero_()
            module.bias[:1] = 30.0  # skip features show nothing but the source
        elif name.endswith("refine"):
            module.register_forward_pre_hook(lambda _, given: blended.append(given[0]))
    appearance = model.encode(source)
    found = model.render_with_warp(appearance, motion, replace(motion, expression=apart))
    new = found.warped.openings.new((SLIM.size, SLIM.size))[0, 0]
    inside = new > 0.8
    assert inside.sum() > 20
    taken = torch.sigmoid(torch.tensor(LARGEST_SHOWN - 0.8 * HIDDEN)).item()
    difference = (found.pictures - found.drawn).abs().amax(dim=1)[0]
    assert difference[inside].amax() < taken
    assert difference[new == 0].mean() > 0.2
    with_source = blended.copy()
    blended.clear()
    model.render_with_warp(
        replace(appearance, skips=tuple(map(torch.zeros_like, appearance.skips))),
        motion,
        replace(motion, expression=apart),
    )
    change = (with_source[0] - blended[0]).abs().amax(dim=1)[0]
    there = found.warped.openings.new(change.shape)[0, 0]
    assert change[there > 0.8].max() < 0.2 * change[there == 0].max()


@torch.no_grad()
def test_a_model_looks_for_openings_in_the_driven_frame() -> None:
    model = showing(30.0)
    source, driven = (
        replace(opened(MOUTH, height, roll, half), body=torch.zeros(1, SLIM.body_keypoints, 3))
        for height, roll, half in ((0.3, 0.0, 0.3), (0.1, 0.5, 0.5))
    )
    found = model.render_with_warp(model.encode(torch.rand(1, 3, SLIM.size, SLIM.size)), source, driven).warped.openings
    as_the_source = opened(MOUTH, 0.3, 0.5, 0.5)
    for ellipses, motion in ((found.opened, driven), (found.closed, as_the_source)):
        middles = lids_and_lips(motion.face)[..., :2].mean(dim=2)
        torch.testing.assert_close(ellipses.middle, middles, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.at(SIZE), openings(as_the_source, driven).at(SIZE), rtol=0, atol=1e-3)
