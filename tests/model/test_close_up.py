"""Eyes and mouth read again from close up."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ptus.model import Motion, rotation, standing
from ptus.model.close_up import KEYPOINTS, PARTS, REACH, CloseUp
from ptus.model.crops import crops, tilted_crops

FACES = 2
STEPS, FARTHEST = 160, 0.06
NAMES = list(standing.FACE)
LEFT_EYE, RIGHT_EYE, MOUTH = (part.keypoints for part in PARTS)
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
        gaze=torch.zeros(FACES, 2),
    )
    return pictures, motion


def look(close_up: CloseUp, pictures: Tensor, motion: Motion) -> Motion:
    with torch.no_grad():
        seen: Motion = close_up(pictures, motion)
    return seen


def correction(close_up: CloseUp, pictures: Tensor, motion: Motion) -> Tensor:
    return look(close_up, pictures, motion).expression - motion.expression


def test_only_eyes_and_mouth_are_corrected_and_in_the_plane_of_the_picture(close_up: CloseUp) -> None:
    found = correction(close_up, *faces())
    assert (found[:, :KEYPOINTS, :2].abs() > 1e-4).all()
    assert not found[:, KEYPOINTS:].any()
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
    found, expected = (
        look(close_up, torch.rot90(pictures, -1 if clockwise else 1, dims=(2, 3)), tilted),
        look(close_up, pictures, motion),
    )
    torch.testing.assert_close(found.expression, expected.expression @ quarter, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.gaze, expected.gaze, atol=1e-4, rtol=0)


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
    expected, found = look(close_up, pictures, motion), look(close_up, pictures.flip(3), mirrored)
    moved = (expected.expression - motion.expression)[:, LEFT_EYE + RIGHT_EYE] * left_right
    moved_there = (found.expression - mirrored.expression)[:, RIGHT_EYE + LEFT_EYE]
    torch.testing.assert_close(moved_there, moved, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.gaze, -expected.gaze.flip(1), atol=1e-4, rtol=0)


def test_every_landmark_is_moved_by_its_own_numbers(close_up: CloseUp) -> None:
    """A reader that says the same whatever it sees moves each landmark as its own two numbers say."""
    looking = copy.deepcopy(close_up)
    told: dict[str, Tensor] = {}
    for part in PARTS:
        reader = looking.reader(part)
        numbers = torch.linspace(-0.1, 0.1, len(reader.bias))
        nn.init.zeros_(reader.weight)
        with torch.no_grad():
            reader.bias.copy_(numbers)
        sides = torch.tensor([-1.0 if part.mirrored else 1.0, 1.0])
        told |= zip(part.names, REACH * numbers[: 2 * len(part.names)].view(-1, 2) * sides, strict=True)
    found = correction(looking, *faces())
    for name, step in told.items():
        torch.testing.assert_close(found[:, NAMES.index(name), :2], step.expand(FACES, 2), atol=1e-4, rtol=0)


@pytest.mark.parametrize("yaw", [0.0, 0.7])
def test_gaze_goes_from_the_lower_lid_as_it_is_seen_to_the_iris(close_up: CloseUp, yaw: float) -> None:
    """A reader that says the same whatever it sees has irises as far right in the crop as it says."""
    looking, iris = copy.deepcopy(close_up), 0.2
    nn.init.zeros_(looking.eye.weight)
    with torch.no_grad():
        looking.eye.bias.copy_(torch.tensor([*[0.05] * 6, iris]))
    pictures, motion = faces()
    motion = replace(motion, rotation=rotation.from_angles(torch.tensor([[yaw, 0.0, 0.0]])).expand(FACES, 3, 3))
    seen = look(looking, pictures, motion)
    for eye, (part, outwards) in enumerate(((LEFT_EYE, 1.0), (RIGHT_EYE, -1.0))):
        upper, lower = (motion.face[:, lid, 0] for lid in part[:2])
        scale = motion.scale[:, 0]
        there = (upper + lower) / 2 + outwards * scale * REACH * iris
        from_lid = (there - seen.face[:, part[1], 0]) / (scale * math.cos(yaw))
        torch.testing.assert_close(seen.gaze[:, eye], from_lid, atol=2e-3, rtol=0)  # bounded, which bends a little


@pytest.mark.parametrize("name", ["left eye upper lid", "right eye lower lid", "lower lip inner edge"])
def test_it_learns_to_find_what_the_first_look_has_elsewhere(name: str) -> None:
    """A bright line goes through the landmark, which the first look has in the same place whatever there is to see."""
    torch.manual_seed(0)
    close_up, number = CloseUp(), NAMES.index(name)
    optimiser = torch.optim.Adam(close_up.parameters(), lr=1e-3)
    pictures, motion = faces()
    place = motion[:1].face[:, number, 1]
    errors = []
    for _ in range(STEPS):
        moved = FARTHEST * torch.rand(8, 1)
        lines = torch.linspace(-1, 1, pictures.shape[2])
        picture = (-((lines - place - moved) / 0.02).square()).exp()[:, None, :, None].expand(-1, 3, -1, len(lines))
        found = close_up(picture, Motion.cat([motion[:1]] * 8)).face[:, number, 1]
        loss = (found - place - moved.squeeze(1)).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(float(loss.detach()))
    blind = FARTHEST / 4  # what would be left without seeing anything: the mean place at best
    assert sum(errors[-10:]) / 10 < 0.5 * blind


def test_coordinates_stay_precise_under_autocast(close_up: CloseUp) -> None:
    """Features are halved, what is read is not."""
    pictures, motion = faces()
    blind = copy.deepcopy(close_up)
    for part in PARTS:
        blind.reader(part).weight.data[:, : -2 * len(part.names)] = 0
    expected = correction(blind, pictures, motion)
    with torch.autocast("cpu", torch.bfloat16):
        found = correction(blind, pictures, motion)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("halved", [False, True])
def test_crops_that_are_not_tilted_are_where_others_are(halved: bool) -> None:
    """Also under autocast, which would move them by half a pixel."""
    pictures, motion = faces()
    centres, half = motion.face[:, :3, :2], 0.3 * motion.scale
    expected = torch.stack([crops(pictures, centres[:, each], half, 16) for each in range(3)], dim=1)
    axes = (half.unsqueeze(2) * torch.eye(2)).unsqueeze(1).expand(-1, 3, -1, -1)
    with torch.autocast("cpu", torch.bfloat16, enabled=halved):
        found = tilted_crops(pictures, centres, axes, 16)
    torch.testing.assert_close(found, expected.flatten(0, 1), atol=1e-5, rtol=0)
