"""How far eyes and mouth are open, seen in the picture: no landmarks are needed.

An open eye shows its iris, pupil and lashes, and an open mouth its inside: both are darker than the skin around them.
The measure is the mean darkness of a fixed box of the face against its skin,

    mean of max(0, 0.8 - luma / median luma of the face box)

It has no unit and no zero, and differs between people; only its course over time is used.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ptus.evaluation.regions import EYES, FACE, MOUTH, Fractions, part
from ptus.faces import FaceBox, FaceDetector
from ptus.faces.tracking import LEAST, MOST
from ptus.images import Pixels, Plane, resized

BRIGHT = 0.8
"""Share of the skin's luma from which a point counts as skin: shades and lips are no opening."""
SAMPLES = 48
"""Points a side at which a box is read, between pixels: what moves by less than a pixel moves smoothly."""
EVERY = 3
"""Frames from one search for the face to the next."""
SHARE = 0.3
"""Of the way to where the face is found, by which its box moves after a search."""
LEAST_SIDE = 256
"""Smaller pictures are enlarged to this for a search, which finds faces to a pixel."""


class Opening(NamedTuple):
    """Darkness of the eyes, the mean of both, and of the mouth: 0 (nothing darker than skin) to BRIGHT (black)."""

    eyes: float
    mouth: float


class OpeningMeter:
    """Measures the frames of one video, following the face in it.

    In frames that are all the same the box stays exactly where it is, and so does what is measured: only what moves can
    correlate. A face that is not found stays where it was.

    Args:
        detector: finds faces.
        face: about where the face is in the first frame, pixels.
    """

    def __init__(self, detector: FaceDetector, face: FaceBox) -> None:
        self._detector = detector
        self._face = face
        self._frames = 0

    def measure(self, pixels: Pixels) -> Opening:
        """The opening in the next frame, a square (S, S, 3)."""
        if self._frames % EVERY == 0 and (found := self._search(pixels)) is not None:
            share = SHARE if self._frames else 1.0
            self._face = FaceBox(*(old + share * (new - old) for old, new in zip(self._face, found, strict=True)))
        self._frames += 1
        return opening(pixels, self._face)

    def _search(self, pixels: Pixels) -> FaceBox | None:
        """The face that is there, if it may be the same one."""
        size = pixels.shape[0]
        scale = max(1.0, LEAST_SIDE / size)
        large = pixels if scale == 1 else resized(pixels, LEAST_SIDE, LEAST_SIDE)
        found = (box.scaled(1 / scale) for box in self._detector(large))
        width = self._face.width
        return next((box for box in found if box.meets(self._face) and LEAST < box.width / width < MOST), None)


def opening(pixels: Pixels, face: FaceBox) -> Opening:
    """The opening of eyes and mouth of a face in a picture (H, W, 3)."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    skin = max(1.0, float(np.median(_read(luma, face, FACE))))
    left, right, mouth = (
        float(np.clip(BRIGHT - _read(luma, face, box) / skin, 0, 1).mean(dtype=np.float64)) for box in (*EYES, MOUTH)
    )
    return Opening((left + right) / 2, mouth)


def _read(luma: Plane, face: FaceBox, fractions: Fractions) -> Plane:
    """A part of the face at SAMPLES × SAMPLES points; beyond the frame its edge is repeated."""
    box = part(face, fractions)
    steps = (np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES
    x, y = np.meshgrid(box.x + box.width * steps - 0.5, box.y + box.height * steps - 0.5)
    sampled = cv2.remap(
        luma, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, np.float32)
