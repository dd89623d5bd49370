"""Puppets for tests, drawn small, and raw videos made of them."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from ptus.data.puppets.acting import Performance, perform
from ptus.data.puppets.person import make_person
from ptus.data.puppets.rendering import Drawn, Puppet
from ptus.images import Pixels
from tests.video.clips import write_clip

SIZE = 160
FPS = 25
RECOGNISED = (0, 2)
"""Puppets whose faces OpenCV's cascades find."""


@lru_cache
def puppet(index: int) -> tuple[Puppet, Performance]:
    """A puppet and four seconds of its motion."""
    random = np.random.default_rng((0, index))
    drawn = Puppet(make_person(random), SIZE)
    return drawn, perform(random, 4 * FPS, FPS)


@lru_cache
def frames(index: int) -> tuple[Drawn, ...]:
    """Eight frames from its motion."""
    drawn, performance = puppet(index)
    return tuple(drawn.draw(performance, number) for number in range(0, 4 * FPS, FPS // 2)[:8])


def shot(index: int, count: int) -> list[Pixels]:
    """So many frames of a puppet that hardly moves: two pictures of it in turns, 5 frames each."""
    first, second = (drawn.pixels for drawn in frames(index)[:2])
    return [first if number % 10 < 5 else second for number in range(count)]


def blurred(pictures: Sequence[Pixels]) -> list[Pixels]:
    """The pictures out of focus."""
    return [cv2.GaussianBlur(picture, (0, 0), 1.6).astype(np.uint8) for picture in pictures]


def write_raw(path: Path, pictures: Sequence[Pixels]) -> Path:
    """A raw video with a tone that rises, so that any part of it can be told from any other."""
    return write_clip(
        path,
        pictures,
        sound="aac",
        seconds=len(pictures) / FPS,
        samples=lambda time: np.sin(2 * np.pi * (300 * time + 100 * time**2)) / 2,
    )


def write_joined(path: Path) -> Path:
    """Two puppets: one for 2 s, an empty screen for 1 s, the other for 2 s and, out of focus, for 2 s more."""
    screen = [np.full((SIZE, SIZE, 3), 90, np.uint8)] * FPS
    return write_raw(path, shot(0, 50) + screen + shot(2, 50) + blurred(shot(2, 50)))
