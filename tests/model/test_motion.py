"""Motion, its transfer, and what composition makes of it: the equations, checked by themselves."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ptus.model import Motion, TransferOptions, rotation, transfer
from ptus.model.composition import (
    coarse_motions,
    displacement,
    joined_logits,
    joint_motions,
    local_motions,
)
from tests.model.conftest import SLIM

FRAMES, BODY = 4, SLIM.body_keypoints


def random_motion(seed: int, frames: int = FRAMES) -> Motion:
    random = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.rand(frames, *shape, generator=random) * 2 - 1

    canonical = numbers(15, 3)[:1].expand(frames, 15, 3)
    angles = numbers(3) * 0.7
    scale = 0.3 + 0.1 * numbers(1)
    turned, place = rotation.from_angles(angles), numbers(3) * 0.3
    return Motion(numbers(12, 3), canonical, turned, place, scale, 0.2 * numbers(15, 3), 0.05 * numbers(2))


PARTS = ("pose", "expression", "body")
SOURCE, DRIVING = random_motion(1), random_motion(2)


def in_head(motion: Motion) -> Tensor:
    """The expression in the head's own space."""
    return motion.expression @ motion.rotation.transpose(1, 2)


def assert_same(found: Motion, expected: Motion) -> None:
    for ours, theirs in zip(found.tensors(), expected.tensors(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_what_differs_in_the_drivers_canonical_keypoints_is_expression() -> None:
    """A smile that an estimator takes for another face."""
    another = SOURCE.canonical[:1] + torch.linspace(-0.2, 0.2, SOURCE.canonical.shape[1]).view(1, -1, 1)
    smiling = DRIVING.about(another)
    torch.testing.assert_close(smiling.face, DRIVING.face)
    assert (smiling.expression - DRIVING.expression).abs().max() > 0.1
    for options in (TransferOptions(), TransferOptions(relative=False)):
        expected = transfer(SOURCE[:1], DRIVING, DRIVING[:1], options)
        mixed = Motion.cat((DRIVING[:1], smiling[1:]))
        assert_same(transfer(SOURCE[:1], mixed, DRIVING[:1], options), expected)


@pytest.mark.parametrize(
    ("angles", "point", "turned"),
    [
        ((math.pi / 2, 0, 0), (0, 0, -1), (-1, 0, 0)),  # yaw: the nose, which points to the viewer, to the left
        ((0, math.pi / 2, 0), (0, 0, -1), (0, 1, 0)),  # pitch: down
        ((0, 0, math.pi / 2), (1, 0, 0), (0, 1, 0)),  # roll: clockwise, as y points down
    ],
)
def test_angles(angles: tuple[float, ...], point: tuple[float, ...], turned: tuple[float, ...]) -> None:
    found = torch.tensor([point], dtype=torch.float32) @ rotation.from_angles(torch.tensor([angles]))[0]
    torch.testing.assert_close(found, torch.tensor([turned], dtype=torch.float32), rtol=0, atol=1e-6)


@given(st.floats(0, 2), st.tuples(*[st.floats(-0.7, 0.7)] * 3))
def test_power_of_a_rotation(exponent: float, angles: tuple[float, float, float]) -> None:
    turn = rotation.from_angles(torch.tensor([angles], dtype=torch.float64))
    found = rotation.power(turn, exponent)
    identity = torch.eye(3, dtype=torch.float64)[None]
    torch.testing.assert_close(found @ found.transpose(1, 2), identity)
    torch.testing.assert_close(rotation.power(turn, 1), turn, rtol=0, atol=1e-5)
    torch.testing.assert_close(found @ rotation.power(turn, 1 - exponent), turn, rtol=0, atol=1e-5)


def test_power_has_gradients_at_rest() -> None:
    angles = torch.zeros(1, 3, requires_grad=True)
    rotation.power(rotation.from_angles(angles), 0.5).sum().backward()
    assert angles.grad is not None and angles.grad.isfinite().all()


def test_head_pose_moves_the_face_as_the_equation_says() -> None:
    for frame in range(FRAMES):
        for k in range(15):
            expected = (
                SOURCE.scale[frame]
                * (SOURCE.canonical[frame, k] @ SOURCE.rotation[frame] + SOURCE.expression[frame, k])
                + SOURCE.translation[frame]
            )
            torch.testing.assert_close(SOURCE.face[frame, k], expected)


def test_absolute_transfer_goes_where_the_driver_is() -> None:
    found = transfer(SOURCE[:1], DRIVING, DRIVING[:1], TransferOptions(relative=False))
    expected = replace(DRIVING, canonical=SOURCE.canonical)
    assert_same(found, expected)


@pytest.mark.parametrize("relative", [True, False])
def test_no_strength_leaves_the_source(relative: bool) -> None:
    options = TransferOptions(relative, pose=0, expression=0, body=0)
    assert_same(transfer(SOURCE[:1], DRIVING, DRIVING[:1], options), SOURCE[:1].expand(FRAMES))


def test_relative_transfer_starts_at_the_source() -> None:
    found = transfer(SOURCE[:1], DRIVING, DRIVING[:1], TransferOptions())
    assert_same(found[:1], SOURCE[:1])
    assert (found.face[1:] - SOURCE.face[:1]).abs().max() > 0.1


@pytest.mark.parametrize("relative", [False, True])
def test_an_expression_turns_with_its_head(relative: bool) -> None:
    """A driver who only turns moves the source's head as a solid thing; one who is tilted smiles no other smile."""
    turned = replace(DRIVING, rotation=DRIVING.rotation @ rotation.from_angles(torch.tensor([[0.3, 0.2, -0.4]])))
    turned = replace(turned, expression=in_head(DRIVING) @ turned.rotation)
    options = TransferOptions(relative=relative, pose=1.0)
    found, expected = (transfer(SOURCE[:1], driving, DRIVING[:1], options) for driving in (turned, DRIVING))
    torch.testing.assert_close(in_head(found), in_head(expected))
    still = transfer(SOURCE[:1], Motion.cat([DRIVING[:1], turned[:1]]), DRIVING[:1], TransferOptions())
    for added in local_motions(SLIM, SOURCE[:1].expand(2), still):
        torch.testing.assert_close(added.source, added.driving)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_moves_alone(part: str) -> None:
    strengths: dict[str, Any] = {name: float(name == part) for name in PARTS}
    options = TransferOptions(relative=False, **strengths)
    found = transfer(SOURCE[:1], DRIVING, DRIVING[:1], options)
    moved = {
        "pose": not torch.allclose(found.rotation, SOURCE[:1].rotation.expand(FRAMES, 3, 3), atol=1e-4),
        "expression": not torch.allclose(in_head(found), in_head(SOURCE[:1]).expand(FRAMES, 15, 3), atol=1e-4),
        "gaze": not torch.allclose(found.gaze, SOURCE[:1].gaze.expand(FRAMES, 2), atol=1e-4),
        "body": not torch.allclose(found.body, SOURCE[:1].body.expand(FRAMES, 12, 3), atol=1e-4),
    }
    belongs = {"gaze": "expression"}  # where eyes look is of the face, not of the head
    assert moved == {name: belongs.get(name, name) == part for name in moved}


def test_twice_the_strength_turns_twice_as_far() -> None:
    still = random_motion(1, 1)
    turned = replace(still, rotation=still.rotation @ rotation.from_angles(torch.tensor([[0.2, 0.0, 0.0]])))
    found = transfer(still, turned, still, TransferOptions(pose=2))
    expected = still.rotation @ rotation.from_angles(torch.tensor([[0.4, 0.0, 0.0]]))
    torch.testing.assert_close(found.rotation, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", PARTS)
def test_strengths_out_of_range(name: str) -> None:
    strengths: dict[str, Any] = {name: 2.5}
    with pytest.raises(ValueError, match=f"{name}: expected a strength from 0 to 2, got 2.5"):
        TransferOptions(**strengths)


def test_the_heads_motion_takes_neutral_faces_to_each_other() -> None:
    driven = transfer(SOURCE, DRIVING, DRIVING[:1], TransferOptions(relative=False))
    motions = coarse_motions(SLIM, SOURCE, driven)
    assert motions.jacobian is not None
    offset = driven.neutral_face - motions.driving[:, -1:]
    carried = (motions.jacobian[:, -1:] @ offset.unsqueeze(-1)).squeeze(-1) + motions.source[:, -1:]
    torch.testing.assert_close(carried, SOURCE.neutral_face, rtol=0, atol=1e-5)


def test_who_is_zoomed_in_on_grows_as_a_whole() -> None:
    """All motions of the body then take a point of the picture to the same one of the source."""
    larger = replace(SOURCE, body=1.5 * SOURCE.body + torch.tensor([0.2, -0.1, 0.0]))
    motions = coarse_motions(SLIM, SOURCE, larger)
    assert motions.jacobian is not None
    offset = (torch.tensor([0.3, 0.4, 0.0]) - motions.driving[:, :BODY]).unsqueeze(-1)
    carried = (motions.jacobian[:, :BODY] @ offset).squeeze(-1) + motions.source[:, :BODY]
    expected = (torch.tensor([0.1, 0.5, 0.0]) / 1.5).expand_as(carried)
    torch.testing.assert_close(carried[..., :2], expected[..., :2], rtol=0, atol=1e-5)


def test_the_heads_surroundings_go_with_it_in_the_pictures_plane() -> None:
    """Its place, size and tilt; not its turns and nods, and at every depth alike."""
    angles = torch.tensor([[0.0, 0.0, 0.3]])
    upright = replace(SOURCE, rotation=torch.eye(3).expand(FRAMES, 3, 3))
    turned = rotation.product(rotation.from_angles(torch.tensor([[0.5, 0.0, 0.0]])), rotation.from_angles(angles))
    driven = replace(
        upright,
        rotation=turned.expand(FRAMES, 3, 3),
        translation=upright.translation + torch.tensor([0.2, 0.1, 0.4]),
        scale=upright.scale / 2,
    )
    motions = coarse_motions(SLIM, upright, driven)
    assert motions.jacobian is not None
    there = upright.translation * torch.tensor([1.0, 1.0, 0.0]) + torch.tensor([0.3, -0.2, 0.7])
    in_plane = rotation.from_angles(angles)[0]
    here = (torch.tensor([0.3, -0.2, 0.0]) @ in_plane) / 2 + driven.translation
    here[:, 2] = 0.7
    offset = (here - motions.driving[:, BODY]).unsqueeze(-1)
    carried = (motions.jacobian[:, BODY] @ offset).squeeze(-1) + motions.source[:, BODY]
    torch.testing.assert_close(carried, there, rtol=0, atol=1e-5)


def test_a_driver_who_is_nearer_goes_less_far_than_he_seems_to() -> None:
    start, moved = (
        DRIVING[:1],
        replace(DRIVING[:1], body=DRIVING[:1].body + 0.3, translation=DRIVING[:1].translation + 0.2),
    )
    near = [replace(motion, scale=2 * SOURCE[:1].scale) for motion in (start, moved)]
    found = transfer(SOURCE[:1], near[1], near[0], TransferOptions())
    torch.testing.assert_close(found.body, SOURCE[:1].body + 0.15)
    torch.testing.assert_close(found.translation, SOURCE[:1].translation + 0.1)


def test_a_body_of_one_keypoint_has_no_size() -> None:
    one, moved = replace(SOURCE, body=SOURCE.body[:, :1]), replace(SOURCE, body=SOURCE.body[:, :1] + 0.5)
    motions = coarse_motions(SLIM, one, moved)
    assert motions.jacobian is not None
    assert torch.equal(motions.jacobian[:, 0], torch.eye(3).expand(FRAMES, 3, 3))


def test_head_and_expression_make_the_whole_motion() -> None:
    driven = transfer(SOURCE, DRIVING, DRIVING[:1], TransferOptions(relative=False))
    coarse = coarse_motions(SLIM, SOURCE, driven)
    local, local_seen = local_motions(SLIM, SOURCE, driven)
    joint = joint_motions(SLIM, SOURCE, driven)
    assert coarse.jacobian is not None and joint.jacobian is not None
    offset = driven.face - coarse.driving[:, -1:]
    by_head = (coarse.jacobian[:, -1:] @ offset.unsqueeze(-1)).squeeze(-1) + coarse.source[:, -1:]
    torch.testing.assert_close(by_head + (local.source - local.driving), SOURCE.face, rtol=0, atol=1e-5)
    torch.testing.assert_close(joint.source[:, BODY + 1 :], SOURCE.face)
    seen = (coarse.jacobian[:, -1:] @ (local_seen.source - coarse.driving[:, -1:]).unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(seen + coarse.source[:, -1:], SOURCE.face, rtol=0, atol=1e-5)


def test_nothing_moves_between_equal_motions() -> None:
    assert displacement(SOURCE, SOURCE).tolist() == [0.0] * FRAMES
    local, _ = local_motions(SLIM, SOURCE, SOURCE)
    torch.testing.assert_close(local.source, local.driving, rtol=0, atol=1e-6)


def test_the_face_region_shares_face_and_body() -> None:
    random = torch.Generator().manual_seed(3)
    body, face = torch.randn(2, 5, 2, 3, 3, generator=random), torch.randn(2, 4, 2, 3, 3, generator=random)
    region = torch.randn(2, 1, 2, 3, 3, generator=random)
    shares = joined_logits(body, face, region).softmax(dim=1)
    in_face = region.sigmoid()
    expected = torch.cat(((1 - in_face) * body.softmax(dim=1), in_face * face.softmax(dim=1)), dim=1)
    torch.testing.assert_close(shares, expected)
