"""Where one shot ends and the next begins."""

import cv2
import numpy as np
import numpy.typing as npt

from ptus.images import Pixels

SIDE = 64
"""Frames are compared at this size."""
BINS = 8
"""Of each colour channel."""
OTHER_COLOURS = 0.25
"""Least share of the pixels that change their colour at a cut."""
OTHER_STRUCTURE = 0.06
"""Least mean difference of brightness at a cut, where 1 is from black to white."""
SUDDEN = 3.0
"""A cut changes colours this many times more than the frames before it did: shaking and zooming do not."""
MEMORY = 0.8
"""How much of the mean change is that of the frames before the last."""


class ShotDetector:
    """Tells the first frames of shots, given the frames one after the other.

    A cut changes both the colours (the joint histogram of the frame) and the structure (brightness, pixel by pixel),
    and does so suddenly. What moves changes the second only; a lamp that is switched on changes the first little.
    """

    def __init__(self) -> None:
        self._histogram: npt.NDArray[np.float32] | None = None
        self._grey: npt.NDArray[np.float32] = np.zeros((SIDE, SIDE), np.float32)
        self._usual = 0.0

    def starts(self, pixels: Pixels) -> bool:
        """Whether a shot starts with the next frame (H, W, 3); true for the first of all."""
        small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1).astype(np.float32) / np.float32(255)
        counts = cv2.calcHist([small], [0, 1, 2], None, [BINS] * 3, [0, 256] * 3)
        histogram = np.asarray(counts / SIDE**2, np.float32)
        before, grey_before = self._histogram, self._grey
        self._histogram, self._grey = histogram, grey
        if before is None:
            return True
        colours = float(np.abs(histogram - before).sum()) / 2
        structure = float(np.abs(grey - grey_before).mean())
        if colours > max(OTHER_COLOURS, SUDDEN * self._usual) and structure > OTHER_STRUCTURE:
            self._usual = 0.0
            return True
        self._usual = MEMORY * self._usual + (1 - MEMORY) * colours
        return False
