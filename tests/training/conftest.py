"""A small data set and a small model, so that a step takes a fraction of a second."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ptus.data.dataset import Clip, Split, write_clips, write_track
from ptus.faces import FaceBox
from ptus.model import ModelConfig
from ptus.training.batch import Batch
from ptus.training.config import LossWeights, TrainingConfig
from ptus.training.known import KnownMotion
from ptus.training.losses.perceptual import PyramidLoss
from ptus.training.trainer import Trainer
from ptus.video import VideoWriter

SMALL = ModelConfig(
    128, body_keypoints=3, face_keypoints=4, volume_channels=8, volume_depth=8, width=16, motion_width=8
)
QUICK = TrainingConfig(steps=6, batch=2, warm_up=2, adversarial_from=2, learning_rate=1e-3)
ESTIMATORS_ALONE = LossWeights(perceptual=0, pixels=0, adversarial=0, feature_matching=0, known_flow=0, face_region=0)
SIDE, FRAMES = 128, 6


def write_clip(folder: Path, name: str, split: Split = "train") -> Clip:
    """A clip of a disc, the face, that moves over a gradient."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    boxes = [FaceBox(30.0 + 4 * frame, 30.0, 40.0, 40.0) for frame in range(FRAMES)]
    path, track = folder / "clips" / f"{name}.mp4", folder / "tracks" / f"{name}.csv"
    for parent in (path.parent, track.parent):
        parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, Fraction(25), SIDE, SIDE, comment="rendered") as video:
        for box in boxes:
            x, y = box.centre
            pixels = np.stack((rows, columns, rows + columns), axis=-1).clip(0, 255).astype(np.uint8)
            pixels[(columns - x) ** 2 + (rows - y) ** 2 < 20**2] = (220, 180, 150)
            video.write(pixels)
    write_track(track, boxes)
    return Clip(name, name, split, Fraction(25), FRAMES, SIDE, SIDE, path, track, audio=False)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of two clips to train on and one to test with."""
    folder = tmp_path_factory.mktemp("data")
    write_clips(folder, [write_clip(folder, "a"), write_clip(folder, "b"), write_clip(folder, "c", "test")])
    return folder


def some_motion(frames: int) -> Tensor:
    """What is known of all frames but the first."""
    random = torch.Generator().manual_seed(2)
    known = torch.rand(KnownMotion.nothing(frames).packed().shape, generator=random)
    known[0] = torch.nan
    return known


@pytest.fixture
def batch() -> Batch:
    """Two pairs of noise."""
    random = torch.Generator().manual_seed(1)
    source, driving = torch.rand(2, 2, 3, SIDE, SIDE, generator=random)
    boxes = torch.tensor([[-0.3, -0.6, 0.3, 0.0], [-0.2, -0.5, 0.4, 0.1]])
    known = some_motion(len(boxes))
    return Batch(source, boxes, driving, boxes.flip(0), known, known.flip(0))


@pytest.fixture
def make_trainer() -> Callable[..., Trainer]:
    """Makes trainers of the small model."""

    def make(config: TrainingConfig = QUICK) -> Trainer:
        return Trainer(SMALL, config, PyramidLoss(), torch.device("cpu"))

    return make
