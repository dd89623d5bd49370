"""Finding faces, without a network and offline: the Haar cascades that OpenCV carries."""

from pathlib import Path
from typing import NamedTuple

import cv2
import cv2.data
import numpy as np

from ptus.images import Pixels

# The first finds fewer things that are not faces; the second finds some faces that the first misses.
CASCADES = ("haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml")
SEARCH_SIDE = 640
SMALLEST_PART = 0.06


class FaceBox(NamedTuple):
    """A face from brows to chin and cheek to cheek, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, factor: float) -> "FaceBox":
        """The box in a picture resized by `factor`."""
        return FaceBox(*(factor * side for side in self))


def largest_face(pixels: Pixels) -> FaceBox | None:
    """The largest frontal face of a picture (H, W, 3), or None where there is none."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, SEARCH_SIDE / max(grey.shape))
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    smallest = max(20, round(SMALLEST_PART * min(grey.shape)))
    for name in CASCADES:
        cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / name))
        found = cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=4, minSize=(smallest, smallest))
        if len(found) > 0:
            boxes = [FaceBox(*map(float, box)) for box in np.reshape(found, (-1, 4))]
            return max(boxes, key=lambda box: box.width).scaled(1 / scale)
    return None
