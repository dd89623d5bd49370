"""The keypoints of a person: head, neck, chest and shoulders."""

import numpy as np

from ptus.demo.space import FaceSpace, Points
from ptus.images import Mask

NAMES = ("head", "neck", "chest", "left shoulder", "right shoulder")
"""Left and right as the viewer sees them."""

SHOULDER_LEVEL = 1.35
SHOULDER_REACH = (0.75, 1.25)
"""The least and most a shoulder is to the side of the face."""


def place_keypoints(mask: Mask, space: FaceSpace) -> Points:
    """The keypoints (K, 3) in face widths from the middle of the face: all given by the face but for the shoulders.

    Args:
        mask: the person (H, W).
        space: coordinates of the photo.
    """
    x, y = space.pixel_grid()
    row = min(int(np.searchsorted(y[:, 0], SHOULDER_LEVEL)), space.height - 1)
    across = x[row, mask[row]]
    widest = (across.min(), across.max()) if across.size else (0.0, 0.0)
    left, right = (float(np.clip(0.75 * abs(side), *SHOULDER_REACH)) for side in widest)
    return np.array(
        [
            (0.0, -0.15, 0.0),
            (0.0, 0.85, 0.15),
            (0.0, 1.7, 0.1),
            (-left, SHOULDER_LEVEL, 0.15),
            (right, SHOULDER_LEVEL, 0.15),
        ]
    )
