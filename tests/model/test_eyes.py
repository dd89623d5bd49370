"""Lids close over eyes, and take the skin beside them along, but no brow."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import PTUS, Motion, TransferOptions, standing, transfer
from ptus.model.composition import local_motions
from ptus.model.eyes import BROW, BROWS, SLIT, WATERLINE, EyeFlow
from ptus.model.motion import eye_heights
from ptus.model.rotation import upright
from tests.model.conftest import SLIM
from tests.model.test_gaze import head
from tests.model.test_mouth import sampled

SIZE = (801, 801)
OPEN = 0.15  # how high eyes are that stand
AHEAD = (0.0, 0.0)


def looking(height: float, lower: float = 0.0, roll: float = 0.0, yaw: float = 0.0, scale: float = 0.6) -> Motion:
    """A head with eyes that are so high, their lower lids so far below where they stand."""
    motion = head(AHEAD, roll, yaw, scale)
    moved = torch.zeros_like(motion.expression)
    for upper, under in standing.EYES:
        moved[0, upper] = (OPEN - height + lower) * motion.rotation[0, 1]
        moved[0, under] = lower * motion.rotation[0, 1]
    return replace(motion, expression=moved)


def eye_flow(source: Motion, driven: Motion) -> Tensor:
    """(1, 2, H, W)."""
    _, local = local_motions(SLIM, source, driven)
    return EyeFlow.between(source, driven, local).at(SIZE).permute(0, 3, 1, 2)


def lids(motion: Motion, which: int, aside: float) -> Tensor:
    """Of both eyes, so far above the upper lids (which 0) or below the lower ones (1): (2, 2)."""
    step = aside * motion.scale * (2 * which - 1) * upright(motion.rotation)[0, 1]
    places: Tensor = motion.face[0, [eye[which] for eye in standing.EYES], :2] + step
    return places


@pytest.mark.parametrize(("roll", "scale"), [(0.0, 0.6), (0.4, 0.3)])
@pytest.mark.parametrize(("height", "lower"), [(0.0, -0.02), (0.06, 0.0), (0.2, 0.0)])
def test_skin_beside_lids_is_seen_where_it_was(roll: float, scale: float, height: float, lower: float) -> None:
    source, driven = looking(OPEN, roll=-roll, scale=scale), looking(height, lower, roll)
    flow = eye_flow(source, driven)
    down = source.scale * upright(source.rotation)[0, 1]
    shut = max(1 - height / OPEN, 0) ** 2
    above = (height - OPEN - lower - min(SLIT * shut, height)) * down
    below = (WATERLINE * shut - lower) * down
    for aside in (0.005, 0.015):
        torch.testing.assert_close(sampled(flow, lids(driven, 0, aside)), above.expand(2, 2), rtol=0, atol=3e-3)
        torch.testing.assert_close(sampled(flow, lids(driven, 1, aside)), below.expand(2, 2), rtol=0, atol=3e-3)


def test_eyeballs_stay_under_lids_that_close() -> None:
    source, driven = looking(OPEN), looking(0.07)
    flow = eye_flow(source, driven)
    middles = (lids(driven, 0, 0.0) + lids(driven, 1, 0.0)) / 2
    assert sampled(flow, middles).abs().max() == 0
    wide = looking(0.2)
    for which, share in ((0, 0.25), (1, 0.75)):  # a quarter of the way from one lid to the other, as it was
        place = lids(wide, which, -0.05)
        seen = place + sampled(eye_flow(looking(0.1), wide), place)
        upper, lower = (lids(looking(0.1), lid, 0.0)[:, 1] for lid in (0, 1))
        torch.testing.assert_close(seen[:, 1], torch.lerp(upper, lower, share), rtol=0, atol=2e-3)


def test_of_lids_that_are_shut_nothing_of_the_eye_is_seen() -> None:
    source, driven = looking(OPEN), looking(0.0)
    flow = eye_flow(source, driven)[0]
    rows = torch.linspace(-1, 1, SIZE[0])
    upper, lower = (float(lids(source, which, 0.0)[0, 1]) for which in (0, 1))
    column = round((float(driven.face[0, standing.EYES[0][0], 0]) + 1) / 2 * (SIZE[1] - 1))
    seen = rows + flow[1, :, column]
    assert not ((seen > upper + 2e-3) & (seen < lower - 2e-3)).any()
    assert (seen.diff() > -1e-6).all()


def test_brows_and_what_is_beside_eyes_stay() -> None:
    driven = looking(0.0)
    flow = eye_flow(looking(OPEN), driven)
    brows = driven.face[0, BROWS, :2]
    assert sampled(flow, brows).abs().max() == 0
    assert sampled(flow, brows + torch.tensor([0.0, 0.9 * BROW * 0.6])).abs().max() < 1e-3
    between = driven.face[0, [eye[0] for eye in standing.EYES], :2].mean(dim=0, keepdim=True)
    assert sampled(flow, between).abs().max() == 0
    assert not eye_flow(driven, driven).any()


def test_each_eye_has_lids_of_its_own() -> None:
    wink = looking(OPEN)
    upper = standing.EYES[1][0]
    wink.expression[0, upper, 1] += OPEN
    found = sampled(eye_flow(looking(OPEN), wink), lids(wink, 0, 0.01))
    assert found[0].abs().max() == 0 and found[1, 1] == pytest.approx(-OPEN * 0.6, abs=3e-3)


@torch.no_grad()
def test_the_models_flow_follows(slim: PTUS) -> None:
    model, side = slim, SLIM.size
    source, driven = looking(OPEN), looking(0.0)
    flow = model.render_with_warp(model.encode(torch.rand(1, 3, side, side)), source, driven).flow.permute(0, 3, 1, 2)
    torch.testing.assert_close(sampled(flow, lids(driven, 0, 0.02)), lids(source, 0, 0.02), rtol=0, atol=0.015)


def test_flow_has_the_gradients_of_its_differences() -> None:
    source, driven = (
        Motion(*(part.double() for part in motion.tensors()))
        for motion in (looking(0.151, 0.01, 0.2, 0.3), looking(0.043, -0.013, -0.1, 0.2, 0.5))
    )

    def maps(before: Tensor, now: Tensor) -> Tensor:
        there, here = replace(source, expression=before), replace(driven, expression=now)
        _, local = local_motions(SLIM, there, here)
        return EyeFlow.between(there, here, local).patch.maps[..., ::9, ::7]

    inputs = [motion.expression.clone().requires_grad_() for motion in (source, driven)]
    assert torch.autograd.gradcheck(maps, inputs, eps=1e-7, atol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("own", [0.08, 0.15, 0.23])
def test_eyes_close_by_the_drivers_share(strength: float, own: float) -> None:
    reference, source = looking(0.12, roll=-0.2), looking(own, roll=0.4, scale=0.4)
    for height in (0.12, 0.06, 0.0):
        driving = looking(height, roll=-0.2)
        found = eye_heights(transfer(source, driving, reference, TransferOptions(expression=strength)))
        wanted = own * (1 + strength * (height / 0.12 - 1))
        torch.testing.assert_close(found, torch.full((1, 2), wanted), rtol=0, atol=2e-3)


def test_eyes_open_by_the_drivers_step_also_where_they_were_shut() -> None:
    for before, now in ((0.12, 0.2), (0.0, 0.1), (0.02, 0.01)):
        found = transfer(looking(0.1), looking(now), looking(before), TransferOptions())
        torch.testing.assert_close(eye_heights(found), torch.full((1, 2), 0.1 + now - before), rtol=0, atol=1e-3)


def test_absolute_motion_closes_eyes_as_far_as_the_drivers() -> None:
    found = transfer(looking(0.2), looking(0.05), looking(0.1), TransferOptions(relative=False))
    torch.testing.assert_close(eye_heights(found), torch.full((1, 2), 0.05), rtol=0, atol=1e-3)


def test_no_eye_closes_by_more_than_twice_the_drivers_step() -> None:
    """What errs in a driver's narrow eyes would grow as well."""
    found = transfer(looking(0.3), looking(0.06), looking(0.1), TransferOptions())
    torch.testing.assert_close(eye_heights(found), torch.full((1, 2), 0.3 - 2 * 0.04), rtol=0, atol=1e-3)


@pytest.mark.parametrize("keypoints", [1, 2, 3, 4])
def test_faces_of_few_keypoints_are_moved_all_the_same(keypoints: int) -> None:
    motion = looking(OPEN)
    few = replace(motion, canonical=motion.canonical[:, :keypoints], expression=motion.expression[:, :keypoints])
    assert eye_heights(few).shape == (1, keypoints // 2)
    torch.testing.assert_close(transfer(few, few, few, TransferOptions()).expression, few.expression)


def test_a_brow_that_lowers_as_eyes_close_is_not_dragged() -> None:
    source, driven = looking(OPEN), looking(0.0)
    driven.expression[:, BROWS, 1] += 0.045
    below = driven.face[0, BROWS, :2] + torch.tensor([0.0, 0.9 * BROW * 0.6])
    assert sampled(eye_flow(source, driven), below).abs().max() < 1e-3
