"""Whether the source moved as the driver did: optical flow from the source to the result against that to the truth."""

import cv2
import numpy as np

from ptus.evaluation.moments import Moment, Values
from ptus.evaluation.regions import means, named
from ptus.images import Pixels, Plane


def end_point_error(moment: Moment) -> Values:
    """Distance (pixels) between the flow source → result and the flow source → true frame.

    For self-reenactment. Flow is DIS (Kroeger et al. 2016, OpenCV's medium preset) on grey pictures, and is known where
    the source has pixels: regions are those of the source's face.
    """
    made, true = flow(moment.source, moment.result), flow(moment.source, moment.driving)
    difference = made - true
    return named("epe", means(np.hypot(difference[..., 0], difference[..., 1]), moment.source_face))


def flow(before: Pixels, after: Pixels) -> Plane:
    """How far each pixel of a picture (H, W, 3) moves to the other: (H, W, 2), right and down, pixels."""
    grey = [cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) for pixels in (before, after)]
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # OpenCV's stub wants the array to write to, and its function takes None for a new one.
    return np.asarray(method.calc(grey[0], grey[1], None), np.float32)  # type: ignore[call-overload]
