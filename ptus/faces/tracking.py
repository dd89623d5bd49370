"""A face followed through a video, smoothly."""

import numpy as np

from ptus.faces.boxes import FaceBox, FaceDetector
from ptus.images import Pixels, resized

EVERY = 3
"""Frames from one search to the next."""
REACH = 1.0
"""How far around the last box a face is searched, in its widths."""
NEAR_SIDE = 160
"""Pixels to which the searched part is shrunk."""
LEAST, MOST = 0.6, 1.6
"""How much smaller or larger than before, in width, the same face may be."""
STILL, FAST = 0.03, 0.2
"""Differences between the box and what was found, in widths: detection is no more certain than the first, and the
second is a face that moves."""
SLOWEST, FASTEST = 0.04, 0.5
"""Share of such a difference by which the box moves in one frame."""


class FaceTracker:
    """Follows one face from frame to frame.

    Every third frame the face is searched near where it was; between, the box moves towards where it was found, slowly
    where the difference may be chance, so that a still face has a still box. A face that is not found again stays where
    it was. Depends on the frames before only.

    Args:
        detector: finds faces in a part of a frame.
        face: where the face is in the first frame.

    Attributes:
        unseen: for how many frames the face has not been found where it was searched.
    """

    def __init__(self, detector: FaceDetector, face: FaceBox) -> None:
        self._detector = detector
        self._box = self._target = face
        self._frames = 0
        self.unseen = 0

    def follow(self, pixels: Pixels) -> FaceBox:
        """Where the face is in the next frame (H, W, 3)."""
        self.unseen += 1 if self._frames else 0
        if self._frames and self._frames % EVERY == 0 and (found := self._search(pixels)) is not None:
            self._target = found
            self.unseen = 0
        self._frames += 1
        box, target = np.array(self._box), np.array(self._target)
        difference = np.abs(target - box).max() / self._box.width
        share = np.interp(difference, (STILL, FAST), (SLOWEST, FASTEST))
        self._box = FaceBox(*(float(side) for side in box + share * (target - box)))
        return self._box

    def _search(self, pixels: Pixels) -> FaceBox | None:
        """The face nearest to where it was last found, of those that may be the same one."""
        last = self._target
        left, top = (max(0, int(low - REACH * last.width)) for low in (last.x, last.y))
        right, bottom = (int(edge + (1 + REACH) * last.width) for edge in (last.x, last.y))
        near = pixels[top:bottom, left:right]
        if min(near.shape[:2]) < last.width / 2:
            return None
        scale = min(1.0, NEAR_SIDE / max(near.shape[:2]))
        small = resized(near, *(max(1, round(scale * side)) for side in near.shape[1::-1]))
        found = self._detector(small, smallest=LEAST * last.width / min(near.shape[:2]))
        boxes = [box.scaled(1 / scale).moved(left, top) for box in found]
        same = [box for box in boxes if box.meets(last) and LEAST < box.width / last.width < MOST]
        return min(same, key=lambda box: np.hypot(*np.subtract(box.centre, last.centre)), default=None)
