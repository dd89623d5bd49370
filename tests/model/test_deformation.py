"""What masks say before anything is learned."""

from dataclasses import replace

import torch
from torch import Tensor

from ptus.model import Motion
from ptus.model.composition import coarse_motions
from ptus.model.deformation import FaceBodyMasks
from ptus.model.head_frame import MIDDLE
from tests.model.conftest import SLIM

WIDTH, DEPTH, SIDE = 8, 2, 33
SOURCE = Motion(
    body=torch.tensor([[[0.0, 0.9, 0.0], [0.3, 0.9, 0.0]]]),
    canonical=torch.zeros(1, 1, 3),
    rotation=torch.eye(3)[None],
    translation=torch.tensor([[0.0, -0.1, 0.0]]),
    scale=torch.tensor([[0.4]]),
    expression=torch.zeros(1, 1, 3),
    gaze=torch.zeros(1, 2),
)
BACKGROUND, SURROUNDINGS, HEAD = 0, 3, 4


def shares(driven: Motion, region: float = 0.0, surroundings: float = 0.0) -> Tensor:
    """Of the background, two keypoints of the body, the head's surroundings, and the head: (5, SIDE, SIDE).

    Args:
        driven: the motion to show.
        region: logit of the face region that was learned, everywhere.
        surroundings: likewise of the surroundings, against the head.
    """
    masks = FaceBodyMasks(WIDTH, 2, 1, DEPTH, with_region=True, surroundings=True)
    torch.nn.init.zeros_(masks.logits.weight)
    torch.nn.init.zeros_(masks.logits.bias)  # type: ignore[arg-type]
    torch.nn.init.constant_(masks.logits.bias[-DEPTH:], region)  # type: ignore[index]
    torch.nn.init.constant_(masks.logits.bias[3 * DEPTH : 4 * DEPTH], surroundings)  # type: ignore[index]
    logits, _ = masks(torch.zeros(1, WIDTH, SIDE, SIDE), coarse_motions(SLIM, SOURCE, driven), SOURCE, driven)
    found: Tensor = logits.softmax(dim=1)[0, :, 0]
    return found


def at(x: float, y: float) -> tuple[int, int]:
    """Row and column of a point of the frame."""
    return round((y + 1) / 2 * (SIDE - 1)), round((x + 1) / 2 * (SIDE - 1))


def test_a_place_that_the_head_leaves_is_filled_by_its_surroundings() -> None:
    moved = replace(SOURCE, translation=SOURCE.translation + torch.tensor([0.7, 0.0, 0.0]))
    found, middle = shares(moved), float(SOURCE.translation[0, 1]) + MIDDLE * 0.4
    assert found[(HEAD, *at(0.7, middle))] > 0.9
    assert found[(SURROUNDINGS, *at(0.0, middle))] > 0.9
    assert found[(SURROUNDINGS, *at(-0.35, middle))] > 0.5  # hair, beyond the head's ellipsoid
    assert found[(BACKGROUND, *at(-0.9, middle))] > 0.9


def test_a_head_that_shrinks_leaves_none_behind() -> None:
    smaller = replace(SOURCE, scale=SOURCE.scale / 2)
    found, middle = shares(smaller), float(SOURCE.translation[0, 1]) + MIDDLE * 0.2
    assert found[(HEAD, *at(0.0, middle))] > 0.9
    assert found[(SURROUNDINGS, *at(0.25, middle))] > 0.9


def test_what_is_learned_moves_the_regions_rim_and_tears_no_head_apart() -> None:
    smaller = replace(SOURCE, scale=SOURCE.scale / 2)
    middle, rim = float(SOURCE.translation[0, 1]) + MIDDLE * 0.2, at(0.4, 0.0)
    without, alone, more = (shares(smaller, region) for region in (-50.0, 0.0, 50.0))
    around, beside = (shares(smaller, surroundings=surroundings) for surroundings in (50.0, -50.0))
    for found in (without, alone, more, around, beside):
        assert found[(HEAD, *at(0.0, middle))] > 0.9
        assert found[(SURROUNDINGS, *at(0.2, middle))] > 0.8
        assert found[(BACKGROUND, *at(-0.9, middle))] > 0.9
    assert without[(SURROUNDINGS, *rim)] < alone[(SURROUNDINGS, *rim)] - 0.05 < more[(SURROUNDINGS, *rim)] - 0.1
