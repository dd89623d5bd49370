"""Which frames make a pair."""

import dataclasses

import numpy as np
import torch

from ptus.training.frames import CachedClip
from ptus.training.known import LANDMARKS, KnownMotion
from ptus.training.pairs import drawn_frames

FRAMES, BLINK = 50, 17
BOXES = np.array([[-0.3, -0.6, 0.3, 0.0]] * FRAMES, np.float32)


def clip(known: KnownMotion) -> CachedClip:
    """Grey frames."""
    return CachedClip(np.zeros((FRAMES, 16, 16, 3), np.uint8), BOXES, known)


def with_a_blink() -> KnownMotion:
    """A face that blinks once."""
    face = torch.zeros(FRAMES, len(LANDMARKS), 3)
    face[:, [LANDMARKS.index("left eye lower lid"), LANDMARKS.index("right eye lower lid")], 1] = 0.1
    face[BLINK] = 0
    return dataclasses.replace(KnownMotion.nothing(FRAMES), face=face)


def shares(known: KnownMotion) -> np.ndarray:
    """How often each frame drives, times how many there are."""
    random, at = np.random.default_rng(0), clip(known)
    chosen = [drawn_frames(at, random)[1] for _ in range(3000)]
    return np.bincount(chosen, minlength=FRAMES) * FRAMES / len(chosen)


def test_a_blink_is_shown_more_often_than_it_happens() -> None:
    assert 2.5 < shares(with_a_blink())[BLINK] < 4


def test_where_nothing_is_known_all_frames_drive_alike() -> None:
    found = shares(KnownMotion.nothing(FRAMES))
    assert found.min() > 0.5 and found.max() < 1.7
