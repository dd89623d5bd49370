"""How far eyes and mouth are open, seen in the picture: no landmarks are needed.

An open eye shows its iris, pupil and lashes, and an open mouth its inside: both are darker than the skin around them.
The measure is the mean darkness of a fixed box of the face against its skin,

    mean of max(0, 1 - luma / median luma of the face box)

It has no unit and no zero, and differs between people; only its course over time is used.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ptus.evaluation.regions import EYES, FACE, MOUTH, Fractions, part
from ptus.faces import FaceBox, FaceDetector
from ptus.faces.tracking import FaceTracker
from ptus.images import Pixels, Plane

SAMPLES = 48
"""Points a side at which a box is read, between pixels: what moves by less than a pixel moves smoothly."""


class Opening(NamedTuple):
    """Darkness of the eyes, the mean of both, and of the mouth: 0 (as bright as skin) to 1 (black)."""

    eyes: float
    mouth: float


class OpeningMeter:
    """Measures the frames of one video, following the face in it.

    Args:
        detector: finds faces.
        face: where the face is in the first frame, pixels.
    """

    def __init__(self, detector: FaceDetector, face: FaceBox) -> None:
        self._tracker = FaceTracker(detector, face)

    def measure(self, pixels: Pixels) -> Opening:
        """The opening in the next frame (H, W, 3)."""
        return opening(pixels, self._tracker.follow(pixels))


def opening(pixels: Pixels, face: FaceBox) -> Opening:
    """The opening of eyes and mouth of a face in a picture (H, W, 3)."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    skin = max(1.0, float(np.median(_read(luma, face, FACE))))
    left, right, mouth = (
        float(np.clip(1 - _read(luma, face, box) / skin, 0, 1).mean(dtype=np.float64)) for box in (*EYES, MOUTH)
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
