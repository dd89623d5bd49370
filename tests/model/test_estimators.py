"""Keypoints are found near where a standing person has them, and what an untrained estimator makes of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ptus.model import PRESETS, PTUS, ModelConfig, standing
from ptus.model.face import FaceEstimator
from ptus.model.layers import PreciseLinear
from ptus.model.points import MAPS, REACH, LocalPoints
from ptus.model.rotation import from_angles, product
from tests.model.conftest import SLIM

pytestmark = pytest.mark.usefixtures("without_gradients")

PLACES = torch.tensor([[0.5, -0.5], [-0.2, 0.4]])
SIDE = 64
LINE = torch.linspace(-1, 1, SIDE)


@pytest.fixture
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def found(logits: Tensor) -> Tensor:
    """Where points are found in a map (SIDE, SIDE) that all of them share: (P, 2)."""
    points = LocalPoints(PLACES.numpy())
    points.features = nn.Sequential()
    points.maps = nn.Identity()  # type: ignore[assignment]
    offsets = points(logits.expand(1, len(PLACES) * MAPS, -1, -1)).view(len(PLACES), MAPS, 2)
    at: Tensor = PLACES + offsets.mean(dim=1)
    return at


def spot(x: float, y: float) -> Tensor:
    """A map that is high at one place."""
    return (((LINE - x).square() + (LINE[:, None] - y).square()) / (-2 * 0.02**2)).exp()


def test_where_nothing_is_seen_a_point_is_at_its_place() -> None:
    torch.testing.assert_close(found(torch.zeros(SIDE, SIDE)), PLACES, rtol=0, atol=0.005)


def test_what_is_near_a_place_is_found_and_what_is_far_is_not() -> None:
    at = found(40 * (spot(0.6, -0.4) + spot(-0.2, -0.7)))
    torch.testing.assert_close(at[0], torch.tensor([0.6, -0.4]), rtol=0, atol=0.02)


def test_a_window_is_as_wide_as_it_says() -> None:
    """A slope moves the mean of a Gaussian by σ² times itself."""
    ahead = found((2 * LINE).expand(SIDE, SIDE)) - found(torch.zeros(SIDE, SIDE))
    torch.testing.assert_close(ahead[0], torch.tensor([2 * REACH**2, 0.0]), rtol=0, atol=0.002)


def test_coordinates_are_read_in_float32_by_half_weights_too() -> None:
    layer, numbers = PreciseLinear(40, 7), torch.randn(3, 40)
    layer.bfloat16()
    expected = numbers.double() @ layer.weight.double().T + layer.bias.double()
    with torch.autocast("cpu", torch.bfloat16):
        read = layer(numbers)
    assert read.dtype == torch.float32
    torch.testing.assert_close(read.double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6], ids=["yaw", "pitch", "roll", "right", "down", "zoom"])
@pytest.mark.parametrize("name", ["slim-128", "face-vid2vid-128"])
def test_an_untrained_estimator_reads_a_heads_motion_from_its_points(name: str, number: int) -> None:
    config = PRESETS[name]
    face = FaceEstimator(config)
    _, size = standing.HEAD_IN_CROP if config.face_body else standing.HEAD_IN_FRAME
    motion = torch.zeros(7)
    motion[number] = 0.1
    still = size * torch.from_numpy(standing.face(config.face_keypoints))
    moved = motion[6].exp() * product(still, from_angles(motion[None, :3])[0]) + motion[3:6]
    offsets = torch.zeros(config.estimated_face_keypoints, MAPS, 2)
    offsets[: config.face_keypoints] = (moved - still)[:, None, :2]
    read = face.head(offsets.view(1, -1))[0]
    assert read.abs().argmax() == number
    assert 0.02 < read[number] < 0.11


def test_an_untrained_body_stands_whatever_is_seen(pictures: Tensor, boxes: Tensor) -> None:
    torch.manual_seed(0)
    body = PTUS(SLIM).eval().estimate(pictures, boxes).body
    expected = torch.from_numpy(standing.body(SLIM.body_keypoints)).expand_as(body)
    torch.testing.assert_close(body, expected, rtol=0, atol=0.1)


@pytest.mark.parametrize("count", [1, 4, 9, 10, 40])
def test_any_number_of_keypoints(count: int, pictures: Tensor, boxes: Tensor) -> None:
    config = replace(SLIM, face_keypoints=count, body_keypoints=count)
    for model in (PTUS(config), PTUS(replace(config, face_body=False))):
        motion = model.eval().estimate(pictures, boxes)
        assert motion.body.shape[1] + motion.face.shape[1] == 2 * count
        assert motion.face.isfinite().all()


@pytest.mark.parametrize("name", ["slim", "face-vid2vid"])
def test_no_pixel_of_a_large_picture_is_skipped(name: str, make: Callable[[ModelConfig], PTUS], boxes: Tensor) -> None:
    small, large = make(PRESETS[f"{name}-256"]), make(PRESETS[f"{name}-512"])
    for part in ("face", "body"):
        if getattr(small, part) is not None:
            getattr(large, part).load_state_dict(getattr(small, part).state_dict())
    detailed = torch.rand(3, 3, 512, 512, generator=torch.Generator().manual_seed(3))
    here, there = small.estimate(avg_pool2d(detailed, 2), boxes), large.estimate(detailed, boxes)
    for at, again in zip(here.tensors(), there.tensors(), strict=True):
        torch.testing.assert_close(again, at, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["slim", "face-vid2vid"])
def test_a_larger_picture_of_the_same_is_of_the_same_motion(
    name: str, make: Callable[[ModelConfig], PTUS], pictures: Tensor, boxes: Tensor
) -> None:
    small, large = make(PRESETS[f"{name}-128"]), make(PRESETS[f"{name}-256"])
    for part in ("face", "body"):
        if getattr(small, part) is not None:
            getattr(large, part).load_state_dict(getattr(small, part).state_dict())
    here = small.estimate(pictures, boxes)
    there = large.estimate(interpolate(pictures, 256, mode="bilinear", align_corners=False), boxes)
    for at, again in zip(here.tensors(), there.tensors(), strict=True):
        if at.numel():
            moves = (at - at.mean(dim=0)).abs().max()
            assert (again - at).abs().max() <= 0.3 * moves
