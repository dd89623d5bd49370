"""What masks say before anything is learned, and how residual flow reaches every point."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ptus.model import Motion
from ptus.model.composition import coarse_motions
from ptus.model.deformation import RESIDUAL_PACE, FaceBodyMasks, Refinement
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


@pytest.mark.parametrize("autocast", [False, True])
def test_residual_flow_is_interpolated_along_all_three_axes(autocast: bool) -> None:
    """Under autocast too in float32: it makes coordinates."""
    config = SLIM
    depth, height, width = config.mask_size
    residual = torch.randn(2, 3 * depth, height, width, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = Refinement(config.motion_width, config)._at_every_point(residual)
    volume = residual.unflatten(1, (3, depth))
    expected = torch.nn.functional.interpolate(volume, config.volume_size, mode="trilinear", align_corners=True)
    torch.testing.assert_close(found, expected.permute(0, 2, 3, 4, 1))


def test_residual_flow_is_none_at_first_grows_slowly_and_stays_within_its_reach() -> None:
    width, farthest = SLIM.motion_width, torch.tensor([0.4])
    refinement = Refinement(width, SLIM)
    features = torch.rand(1, width, *SLIM.mask_size[1:], generator=torch.Generator().manual_seed(0))
    still = torch.zeros(1, *SLIM.volume_size, 3)
    assert not refinement(features, still, farthest, SOURCE)[0].any()
    assert refinement.residual_and_depths.bias is not None
    torch.nn.init.constant_(refinement.residual_and_depths.bias, 1.0)
    slow, _ = refinement(features, still, farthest, SOURCE)
    torch.testing.assert_close(slow, torch.full_like(slow, 0.4 * math.tanh(RESIDUAL_PACE)))
    assert slow.max() < 0.1 * 0.4
    torch.nn.init.constant_(refinement.residual_and_depths.weight, 1.0)
    refined, _ = refinement(features, still, farthest, SOURCE)
    torch.testing.assert_close(refined, torch.full_like(refined, 0.4))
