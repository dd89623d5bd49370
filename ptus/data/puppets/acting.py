"""What a puppet does: smooth motion of head, face and body over a few seconds."""

from dataclasses import dataclass

import numpy as np
import torch

from ptus.data.puppets.person import Floats
from ptus.model.rotation import from_angles

HEAD_ANGLES = (0.55, 0.28, 0.20)
"""The most that the head turns, nods and tilts, radians."""
BODY_ANGLES = (0.22, 0.06, 0.07)
BLINK_SECONDS = 0.3


@dataclass(frozen=True)
class Performance:
    """The motion of T frames. Openness and strengths are from 0 to 1, but for brows, smile and gaze: -1 to 1.

    Args:
        head: rotation matrices of the head, for row vectors (T, 3, 3).
        head_shift: of the head from where it rests on the neck, in units of the frame (T, 3).
        head_size: relative to rest (T,).
        eyes: openness of the left one in the picture and the right one (T, 2).
        mouth: openness (T,).
        smile: corners of the mouth out and up, or in and down (T,).
        brows: raised, or lowered (T,).
        gaze: right and down (T, 2).
        body: rotation matrices of the torso (T, 3, 3).
        body_shift: in units of the frame (T, 3).
        shrug: how far the shoulders are raised (T,).
    """

    head: Floats
    head_shift: Floats
    head_size: Floats
    eyes: Floats
    mouth: Floats
    smile: Floats
    brows: Floats
    gaze: Floats
    body: Floats
    body_shift: Floats
    shrug: Floats


def perform(random: np.random.Generator, frames: int, fps: float) -> Performance:
    """Improvise for some frames."""
    time = np.arange(frames) / fps

    def wander(slowest: float, fastest: float, *columns: float) -> Floats:
        return np.stack([size * _wave(random, time, slowest, fastest) for size in columns], -1).astype(np.float32)

    blink = _blinks(random, time)
    eyes = np.clip(wander(0.1, 0.4, 0.1) + 0.9, 0, 1) * (1 - blink)[:, None]
    wink = 1 - np.array([1.0, 0.0])[random.permutation(2)] * _bump(time, random.uniform(0, time[-1] + 1), 0.5)[:, None]
    return Performance(
        head=_rotations(wander(0.15, 0.5, *HEAD_ANGLES)),
        head_shift=wander(0.15, 0.5, 0.03, 0.02, 0.0),
        head_size=1 + wander(0.1, 0.3, 0.04)[:, 0],
        eyes=(eyes * wink).astype(np.float32),
        mouth=_speech(random, time),
        smile=wander(0.1, 0.4, 0.8)[:, 0],
        brows=wander(0.2, 0.7, 1.0)[:, 0],
        gaze=wander(0.2, 0.8, 0.8, 0.4),
        body=_rotations(wander(0.1, 0.35, *BODY_ANGLES)),
        body_shift=wander(0.1, 0.35, 0.05, 0.02, 0.0),
        shrug=np.maximum(0, wander(0.15, 0.4, 0.07)[:, 0]),
    )


def _rotations(angles: Floats) -> Floats:
    return np.asarray(from_angles(torch.from_numpy(angles)).numpy(), dtype=np.float32)


def _wave(random: np.random.Generator, time: Floats, slowest: float, fastest: float) -> Floats:
    """Three swings of random frequency (Hz) and phase, within -1 and 1."""
    frequency, phase = random.uniform(slowest, fastest, 3), random.uniform(0, 2 * np.pi, 3)
    swings = np.sin(2 * np.pi * time[:, None] * frequency + phase)
    return np.asarray(swings @ np.array([0.5, 0.3, 0.2]), np.float32)


def _bump(time: Floats, middle: float, seconds: float) -> Floats:
    """From 0 to 1 and back, smoothly."""
    away = np.clip(2 * np.abs(time - middle) / seconds, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * away), np.float32)


def _blinks(random: np.random.Generator, time: Floats) -> Floats:
    """How closed the eyes are: the first blink within a second, then every one to three."""
    closed = np.zeros_like(time, dtype=np.float32)
    middle = random.uniform(0.2, 1.0)
    while middle < time[-1] + BLINK_SECONDS:
        # Held closed for a moment, so that a frame shows it.
        closed = np.maximum(closed, np.minimum(1, 1.4 * _bump(time, middle, BLINK_SECONDS)))
        middle += random.uniform(1.0, 3.0)
    return closed


def _speech(random: np.random.Generator, time: Floats) -> Floats:
    """Openness of the mouth: syllables of a fifth of a second, some wide, in phrases with pauses between."""
    mouth = np.zeros_like(time, dtype=np.float32)
    now = random.uniform(0.0, 0.3)
    while now < time[-1] + 0.3:
        for _ in range(random.integers(4, 10)):
            seconds = random.uniform(0.16, 0.3)
            mouth = np.maximum(mouth, random.uniform(0.35, 1.0) * _bump(time, now + seconds / 2, 1.3 * seconds))
            now += seconds
        now += random.uniform(0.3, 0.7)
    return mouth
