"""What the model sees of a video: one square around the upper body, and the face followed in it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from ptus.animation.crop import Crop, upper_body
from ptus.faces import FaceBox, FaceDetector
from ptus.faces.boxes import checked_face, only_face
from ptus.faces.tracking import FaceTracker
from ptus.images import Pixels
from ptus.model.source_edges import Sides

SEARCHED_FRAMES = 30
"""A face must be seen within this many frames; the frames before it are given the box in which it appears."""


class View(NamedTuple):
    """What the model sees of a frame."""

    frame: Pixels
    """(H, W, 3), the whole frame."""
    crop: Crop
    picture: Pixels
    """(S, S, 3), the square of the frame."""
    face: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the face, -1 to 1 in the square."""
    unseen: int = 0
    """For how many frames, with this one, a face that had appeared has not been found where it was searched."""

    def goes_on(self) -> Sides:
        """The sides at which the frame goes on beyond the square."""
        height, width = self.frame.shape[:2]
        return self.crop.goes_on(width, height)


class Viewer(NamedTuple):
    """Finds the upper body in the frames of one video, or in a picture.

    The square is placed by the face where it is first seen and stays there, so that it adds no motion of its own.

    Args:
        detector: finds the face.
        size: side of the square as the model sees it, pixels.
        what: is looked at, for messages.
        option: of the command that says where the face is, for messages.
        face: x, y, width and height of the face in the first frame, pixels; None to look for it.
    """

    detector: FaceDetector
    size: int
    what: str
    option: str
    face: Sequence[float] | None = None

    def views(self, frames: Iterable[Pixels]) -> Iterator[View]:
        """The views of frames (H, W, 3) of one size, one each.

        Raises:
            UserError: where no face is found, or it is not clear which one is meant, or the box given is not within the
                frame.
            TypeError: for what is no array of uint8.
            ValueError: for an array of another shape.
        """
        rest = self._checked(frames)
        first = next(rest, None)
        if first is None:
            return
        seen, face = self._first_face(first, rest)
        height, width = seen[0].shape[:2]
        crop = upper_body(face, width, height)
        tracker, appeared = FaceTracker(self.detector, face), len(seen) - 1
        for number, frame in enumerate(chain(seen, rest)):
            box = crop.normalised(tracker.follow(frame))
            unseen = max(0, min(tracker.unseen, number - appeared))
            yield View(frame, crop, crop.cut(frame, self.size), box, unseen)

    def _checked(self, frames: Iterable[Pixels]) -> Iterator[Pixels]:
        """The frames, all of the first one's size."""
        shape = None
        for frame in frames:
            if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
                kind = f"an array of {frame.dtype}" if isinstance(frame, np.ndarray) else type(frame).__name__
                raise TypeError(f"{self.what}: expected an array of uint8, 0 to 255, got {kind}")
            if frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0 or frame.shape != (shape or frame.shape):
                expected = shape or "(H, W, 3)"
                raise ValueError(f"{self.what}: expected a picture of shape {expected}, got {frame.shape}")
            shape = frame.shape
            yield frame

    def view(self, picture: Pixels) -> View:
        """The view of a single picture (H, W, 3).

        Raises:
            UserError: as `views`.
        """
        return next(self.views([picture]))

    def _first_face(self, first: Pixels, frames: Iterator[Pixels]) -> tuple[list[Pixels], FaceBox]:
        """The frames up to the first one with a face, and the face."""
        seen = [first]
        height, width = first.shape[:2]
        if self.face is not None:
            return seen, checked_face(self.face, width, height, self.what, self.option)
        while not (boxes := self.detector(seen[-1])) and len(seen) < SEARCHED_FRAMES:
            following = next(frames, None)
            if following is None:
                break
            seen.append(following)
        searched = self.what if len(seen) == 1 else f"{self.what}, whose first {len(seen)} frames were searched"
        return seen, only_face(boxes, searched, self.option)
