"""What is known of a frame moves as the frame does."""

import numpy as np
import pytest

from ptus.training.variation import Variation

SIDE = 96


def plain(**changed: object) -> Variation:
    values: dict[str, object] = {
        "mirrored": False,
        "turn": np.eye(2, dtype=np.float32),
        "zoom": np.ones(2, np.float32),
        "shift": np.zeros(2, np.float32),
        "gains": np.ones(3, np.float32),
        "gamma": 1.0,
        "colours": 1.0,
        "channels": np.arange(3),
        "shade": np.zeros(2, np.float32),
        "sharpness": 1.0,
    }
    return Variation(**(values | changed))  # type: ignore[arg-type]


def spot(x: float, y: float, width: float = 0.1) -> np.ndarray:
    rows, columns = (2 * (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE) - 1
    level = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / width**2)
    return np.repeat(level[None, :, :, None], 3, axis=3).astype(np.uint8)


def test_nothing_changes_without_a_variation() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    np.testing.assert_allclose(plain().pictures(frames), frames / 255, atol=1e-6)
    boxes = np.array([[-0.5, -0.25, 0.5, 0.75]], np.float32)
    np.testing.assert_array_equal(plain().boxes(boxes), boxes)


@pytest.mark.parametrize("seed", range(6))
def test_points_move_with_the_picture(seed: int) -> None:
    drawn = Variation.random(np.random.default_rng(seed))
    variation = plain(mirrored=drawn.mirrored, turn=drawn.turn, zoom=drawn.zoom, shift=drawn.shift)
    levels = variation.pictures(spot(0.3, -0.2))[0, :, :, 0]
    rows, columns = (2 * (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE) - 1
    found = np.array([(levels * columns).sum(), (levels * rows).sum()]) / levels.sum()
    box = variation.boxes(np.array([[0.2, -0.3, 0.4, -0.1]], np.float32))[0]
    np.testing.assert_allclose(found, (box[:2] + box[2:]) / 2, atol=5e-3)
    np.testing.assert_allclose(box[2:] - box[:2], 0.2 * variation.zoom, rtol=1e-5)


def test_colours_vary_within_their_range() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    grey = plain(colours=0.0).pictures(frames)
    np.testing.assert_allclose(grey[..., 0], grey[..., 2], atol=1e-6)
    swapped = plain(channels=np.array([2, 0, 1])).pictures(frames)
    np.testing.assert_allclose(swapped[..., 0], frames[..., 2] / 255, atol=1e-6)
    bright = plain(gains=np.full(3, 1.5, np.float32), gamma=0.5).pictures(frames)
    assert bright.min() >= 0 and bright.max() == 1


def test_light_comes_from_one_side() -> None:
    grey = np.full((2, SIDE, SIDE, 3), 102, np.uint8)
    shaded = plain(shade=np.array([0.3, -0.2], np.float32)).pictures(grey)
    edges = shaded[0, SIDE // 2, [0, -1], 0], shaded[0, [0, -1], SIDE // 2, 0]
    np.testing.assert_allclose([np.log(high / low) / 2 for low, high in edges], [0.3, -0.2], atol=1e-2)
    np.testing.assert_allclose(shaded.mean(), 0.4, rtol=0.05)
    np.testing.assert_array_equal(shaded[0], shaded[1])


def test_blurred_pictures_keep_what_is_coarse() -> None:
    blurred = plain(sharpness=0.4)
    coarse = spot(0.3, -0.2, width=0.5)
    np.testing.assert_allclose(blurred.pictures(coarse), coarse / 255, atol=0.05)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    fine = np.repeat(255 * ((rows + columns) % 2)[None, ..., None], 3, axis=3).astype(np.uint8)
    assert np.ptp(blurred.pictures(fine)[:, 8:-8, 8:-8]) < 0.2


def test_some_pairs_are_blurred_and_all_are_lit() -> None:
    drawn = [Variation.random(np.random.default_rng(seed)) for seed in range(100)]
    assert 10 < sum(variation.sharpness < 1 for variation in drawn) < 50
    assert len({float(variation.shade[0]) for variation in drawn}) == 100
