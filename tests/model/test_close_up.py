"""Eyes and mouth read again from close up."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ptus.model import Motion, rotation, standing
from ptus.model.close_up import LEFT_EYE, MOUTH, READ, RIGHT_EYE, CloseUp

FACES = 2
SWAPPED = [*RIGHT_EYE, *LEFT_EYE, *MOUTH[:2], *reversed(MOUTH[2:])]
"""The keypoints of a mirrored face that those of left eye, right eye and mouth become."""


@pytest.fixture(scope="module")
def close_up() -> CloseUp:
    """One that corrects something, whatever it sees."""
    torch.manual_seed(0)
    looking = CloseUp().eval()
    for reader in (looking.eye, looking.mouth):
        nn.init.normal_(reader.weight, std=0.05)
    return looking


def faces() -> tuple[Tensor, Motion]:
    """Smooth pictures, and heads in them that look ahead, of different places and sizes."""
    random = torch.Generator().manual_seed(1)
    coarse = torch.rand(FACES, 3, 24, 24, generator=random)
    pictures = nn.functional.interpolate(coarse, 129, mode="bilinear", align_corners=True)
    canonical = torch.tensor(standing.face(17)).expand(FACES, -1, -1)
    motion = Motion(
        body=torch.zeros(FACES, 0, 3),
        canonical=canonical,
        rotation=torch.eye(3).expand(FACES, 3, 3),
        translation=torch.tensor([[0.1, -0.05, 0.0], [-0.2, 0.1, 0.0]]),
        scale=torch.tensor([[0.4], [0.55]]),
        expression=0.05 * torch.randn(canonical.shape, generator=random),
    )
    return pictures, motion


def correction(close_up: CloseUp, pictures: Tensor, motion: Motion) -> Tensor:
    with torch.no_grad():
        return close_up(pictures, motion).expression - motion.expression


def test_only_eyes_and_mouth_are_corrected_and_in_the_plane_of_the_picture(close_up: CloseUp) -> None:
    found = correction(close_up, *faces())
    assert (found[:, :READ, :2].abs() > 1e-4).all()
    assert not found[:, READ:].any()
    assert not found[..., 2].any()


def test_before_it_is_trained_hardly_anything_is_corrected() -> None:
    assert correction(CloseUp().eval(), *faces()).abs().max() < 0.02


def test_each_face_is_read_by_itself(close_up: CloseUp) -> None:
    pictures, motion = faces()
    one_by_one = [correction(close_up, pictures[each : each + 1], motion[each : each + 1]) for each in range(FACES)]
    torch.testing.assert_close(correction(close_up, pictures, motion), torch.cat(one_by_one), atol=1e-5, rtol=0)


def test_a_tilted_head_is_read_as_an_upright_one(close_up: CloseUp) -> None:
    pictures, motion = faces()
    quarter = rotation.from_angles(torch.tensor([[0.0, 0.0, math.pi / 2]]))
    tilted = replace(
        motion,
        rotation=motion.rotation @ quarter,
        translation=motion.translation @ quarter[0],
        expression=motion.expression @ quarter,
    )
    clockwise = bool(quarter[0, 0, 1] > 0)  # what was to the right is then below
    found = correction(close_up, torch.rot90(pictures, -1 if clockwise else 1, dims=(2, 3)), tilted)
    torch.testing.assert_close(found, correction(close_up, pictures, motion) @ quarter, atol=1e-4, rtol=0)


def test_a_right_eye_is_read_as_a_left_one(close_up: CloseUp) -> None:
    pictures, motion = faces()
    left_right = torch.tensor([-1.0, 1.0, 1.0])
    names = [*LEFT_EYE, *RIGHT_EYE, *MOUTH]
    swapped = list(range(motion.canonical.shape[1]))
    for name, other in zip(names, SWAPPED, strict=True):
        swapped[name] = other
    mirrored = replace(
        motion,
        translation=motion.translation * left_right,
        canonical=motion.canonical[:, swapped] * left_right,
        expression=motion.expression[:, swapped] * left_right,
    )
    expected = correction(close_up, pictures, motion)[:, LEFT_EYE + RIGHT_EYE] * left_right
    found = correction(close_up, pictures.flip(3), mirrored)[:, RIGHT_EYE + LEFT_EYE]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_it_learns_to_find_lids_that_the_first_look_has_elsewhere() -> None:
    """Bright lines are the lids of left eyes; the first look has every lid in the same place."""
    torch.manual_seed(0)
    close_up = CloseUp()
    optimiser = torch.optim.Adam(close_up.parameters(), lr=3e-3)
    pictures, motion = faces()
    upper = motion[:1].face[:, LEFT_EYE[0], 1]
    losses = []
    for _ in range(60):
        moved = 0.06 * torch.rand(8, 1)
        lines = torch.linspace(-1, 1, pictures.shape[2])
        picture = (-((lines - upper - moved) / 0.02).square()).exp()[:, None, :, None].expand(-1, 3, -1, len(lines))
        found = close_up(picture, Motion.cat([motion[:1]] * 8)).face[:, LEFT_EYE[0], 1]
        loss = (found - upper - moved.squeeze(1)).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
