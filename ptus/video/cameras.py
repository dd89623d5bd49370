"""A camera as a video that goes on until someone stops it."""

import time
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np

from ptus.errors import UserError
from ptus.images import Pixels
from ptus.video.frames import TimedFrame

TIME_BASE = Fraction(1, 90000)
USUAL_RATE = 30


class CameraReader:
    """Reads a camera; frames are timed by when they arrive.

    Args:
        index: of the camera, 0 for the first.

    Attributes:
        height: of every frame, pixels.
        width: as `height`.
        rate: frames a second, as the camera says.
        time_base: seconds; all times are multiples of it.
        live: always: frames come at their own pace.
        expected_frames: None, as there is no end.

    Raises:
        UserError: where there is no such camera, or it gives no picture.
    """

    def __init__(self, index: int) -> None:
        self._camera = cv2.VideoCapture(index)
        picture = self._picture()
        if picture is None:
            self._camera.release()
            raise UserError(f"camera {index} gives no picture; give another number, or the path of a video")
        self._first = picture
        self._began = time.monotonic()
        self.height, self.width = picture.shape[:2]
        self.rate = Fraction(round(self._camera.get(cv2.CAP_PROP_FPS)) or USUAL_RATE)
        self.time_base = TIME_BASE
        self.live = True
        self.expected_frames: int | None = None

    def __iter__(self) -> Iterator[TimedFrame]:
        """The frames, until the camera is unplugged."""
        picture: Pixels | None = self._first
        ticks = -1
        while picture is not None:
            ticks = max(ticks + 1, round((time.monotonic() - self._began) / TIME_BASE))
            yield TimedFrame(picture, ticks * TIME_BASE, 1 / self.rate)
            picture = self._picture()

    def close(self) -> None:
        """Let go of the camera."""
        self._camera.release()

    def _picture(self) -> Pixels | None:
        read, picture = self._camera.read()
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False) if read else None
