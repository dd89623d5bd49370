"""Where one shot ends and the next begins."""

from collections import deque
from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ptus.images import Pixels

SIDE = 64
"""Frames are compared at this size."""
BINS = 8
"""Of each colour channel."""
OTHER_COLOURS = 0.15
"""Least share of the pixels that change their colour at a cut."""
OTHER_STRUCTURE = 0.06
"""Least mean difference of brightness at a cut, where 1 is from black to white."""
SLOW_STRUCTURE = 0.03
"""The same within a dissolve, of which GRADUAL frames are a part: more than a plain wall whose brightness drifts from
one bin of the histogram to the next."""
SUDDEN = 3.0
"""A cut changes colours this many times more than the frames before it did: shaking and zooming do not."""
MEMORY = 0.8
"""How much of the mean change is that of the frames before the last."""
GRADUAL = 12
"""Frames apart at which pictures are compared to find dissolves: within shots of people who talk, the colours of less
than half OTHER_COLOURS change in that time."""


class Change(Enum):
    """What a frame is to those before it."""

    NONE = "of the same shot"
    CUT = "the first of a shot"
    DISSOLVE = "among frames that go over into others, GRADUAL frames back at most"


class _Look(NamedTuple):
    """What is compared of a frame."""

    colours: npt.NDArray[np.float32]
    grey: npt.NDArray[np.float32]

    def differences(self, other: "_Look") -> tuple[float, float]:
        """Share of the pixels that have other colours, and the mean difference of brightness."""
        colours = np.abs(self.colours - other.colours).sum() / 2
        return float(colours), float(np.abs(self.grey - other.grey).mean())


class ShotDetector:
    """Tells where shots begin and end, given the frames one after the other.

    A cut changes both the colours (the joint histogram of the frame) and the structure (brightness, pixel by pixel),
    and does so suddenly. What moves changes the second only. A dissolve, a fade or a change of light changes both
    within a few frames.
    """

    def __init__(self) -> None:
        self._before: deque[_Look] = deque(maxlen=GRADUAL)
        self._usual = 0.0

    def look(self, pixels: Pixels) -> Change:
        """What the next frame (H, W, 3) is; a cut if it is the first of all."""
        seen = _look(pixels)
        change = self._change(seen)
        if change is Change.CUT:
            self._before.clear()
            self._usual = 0.0
        self._before.append(seen)
        return change

    def _change(self, seen: _Look) -> Change:
        if not self._before:
            return Change.CUT
        colours, structure = seen.differences(self._before[-1])
        if colours > max(OTHER_COLOURS, SUDDEN * self._usual) and structure > OTHER_STRUCTURE:
            return Change.CUT
        self._usual = MEMORY * self._usual + (1 - MEMORY) * colours
        colours, structure = seen.differences(self._before[0])
        return Change.DISSOLVE if colours > OTHER_COLOURS and structure > SLOW_STRUCTURE else Change.NONE


def _look(pixels: Pixels) -> _Look:
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1).astype(np.float32) / np.float32(255)
    counts = cv2.calcHist([small], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3) / np.float32(SIDE**2)
    for axis in range(3):
        # Shared with the neighbours, so that a plain wall that drifts over a bin's edge changes little.
        padded = np.pad(counts, [(1, 1) if axis == along else (0, 0) for along in range(3)], mode="edge")
        first, middle, last = (padded.take(range(start, start + BINS), axis) for start in range(3))
        counts = (first + 2 * middle + last) / 4
    return _Look(np.asarray(counts, np.float32), grey)
