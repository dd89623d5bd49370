"""Finding faces, without a network and offline: the Haar cascades that OpenCV carries."""

from pathlib import Path

import cv2
import cv2.data
import numpy as np

from ptus.faces.boxes import FaceBox
from ptus.images import Pixels

# The first finds fewer things that are not faces; the second finds some faces that the first misses.
CASCADES = ("haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml")
SEARCH_SIDE = 640
CONVINCING = 0.25
"""A face is found many times over, by windows that overlap; folds of clothing less than this share as often."""


class HaarDetector:
    """Finds frontal faces, upright or nearly so; a `FaceDetector`."""

    def __init__(self) -> None:
        self._cascades = [cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / name)) for name in CASCADES]

    def __call__(self, pixels: Pixels, smallest: float = 0.06) -> list[FaceBox]:
        """The faces of a picture (H, W, 3), the largest first; `smallest` is a share of its shorter side."""
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        scale = min(1.0, SEARCH_SIDE / max(grey.shape))
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        least = max(20, round(smallest * min(grey.shape)))
        for cascade in self._cascades:
            found, counts = cascade.detectMultiScale2(grey, scaleFactor=1.1, minNeighbors=4, minSize=(least, least))
            if len(found) > 0:
                boxes = [FaceBox(*map(float, box)).scaled(1 / scale) for box in np.reshape(found, (-1, 4))]
                return sorted(_convincing(boxes, [int(count) for count in counts]), key=lambda box: -box.width)
        return []


def largest_face(pixels: Pixels) -> FaceBox | None:
    """The largest frontal face of a picture (H, W, 3), or None where there is none."""
    return next(iter(HaarDetector()(pixels)), None)


def _convincing(boxes: list[FaceBox], counts: list[int]) -> list[FaceBox]:
    """The boxes found often enough, and of those that overlap the one found most often."""
    kept: list[FaceBox] = []
    for box, count in sorted(zip(boxes, counts, strict=True), key=lambda pair: -pair[1]):
        if count >= CONVINCING * max(counts) and not any(box.meets(other) for other in kept):
            kept.append(box)
    return kept
