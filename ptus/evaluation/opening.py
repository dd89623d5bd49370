"""How far eyes and mouth are open, seen in the picture: no landmarks are needed.

An open eye shows its iris, pupil and lashes, which are darker than the skin around them. The measure is the mean
darkness of a fixed box of the face against its skin, L being luma over the median luma of the face box:

    mean of max(0, 0.8 - L)

An open mouth shows its inside, which is darker still, but not as red as lips, or teeth, which are light and pale. C
being the largest less the smallest of R, G and B over the face's median of that, each factor clipped to [0, 1]:

    mean of (0.6 - L) · 2 (1.5 - C) + (0.8 - C) · 5 (L - 0.5)

Both have no unit and no zero, and differ between people; only their course over time is used. Of mouths, darkness alone
would not do: where lips are red and teeth show, it falls as they part.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ptus.evaluation.regions import EYES, FACE, MOUTH, Fractions, part
from ptus.faces import FaceBox, FaceDetector
from ptus.faces.tracking import LEAST, MOST
from ptus.images import Pixels, Plane, resized

BRIGHT = 0.8
"""Share of the skin's luma from which a point counts as skin: shades are no opening."""
INSIDE, LIPS, REDDER = 0.6, 1.5, 0.5
"""Share of the skin's luma below which a mouth's inside is, and of its chroma at which lips begin to count, and how far
above that they are lips alone."""
PALE, LIGHT, LIGHTER = 0.8, 0.5, 0.2
"""Share of the skin's chroma below which teeth are, of its luma from which on they count, and how far above wholly."""
GREY = 0.05
"""Chroma of skin, over its luma, in a picture without colours; from twice that on lips and teeth are told by them."""
SAMPLES = 48
"""Points a side at which a box is read, between pixels: what moves by less than a pixel moves smoothly."""
EVERY = 3
"""Frames from one search for the face to the next."""
SHARE = 0.3
"""Of the way to where the face is found, by which its box moves after a search."""
LEAST_SIDE = 256
"""Smaller pictures are enlarged to this for a search, which finds faces to a pixel."""


class Opening(NamedTuple):
    """Darkness of the eyes, the mean of both, and what is seen of the mouth's inside: from 0, in units of their own."""

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
    left, right = (float(np.clip(BRIGHT - _read(luma, face, box) / skin, 0, 1).mean(dtype=np.float64)) for box in EYES)
    return Opening((left + right) / 2, _mouth(pixels, luma, skin, face))


def _mouth(pixels: Pixels, luma: Plane, skin: float, face: FaceBox) -> float:
    """What shows between lips, whose luma and the skin's are known."""
    chroma = (pixels.max(axis=2) - pixels.min(axis=2)).astype(np.float32)
    of_skin, grey = float(np.median(_read(chroma, face, FACE))), GREY * skin
    coloured = float(np.clip(of_skin / grey - 1, 0, 1))
    light, red = _read(luma, face, MOUTH) / skin, _read(chroma, face, MOUTH) / max(of_skin, grey)
    no_lips = 1 - coloured * (1 - np.clip((LIPS - red) / REDDER, 0, 1))
    dark = np.clip(INSIDE - light, 0, 1) * no_lips
    pale = coloured * np.clip(PALE - red, 0, 1) * np.clip((light - LIGHT) / LIGHTER, 0, 1)
    return float((dark + pale).mean(dtype=np.float64))


def _read(luma: Plane, face: FaceBox, fractions: Fractions) -> Plane:
    """A part of the face at SAMPLES × SAMPLES points; beyond the frame its edge is repeated."""
    box = part(face, fractions)
    steps = (np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES
    x, y = np.meshgrid(box.x + box.width * steps - 0.5, box.y + box.height * steps - 0.5)
    sampled = cv2.remap(
        luma, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, np.float32)
