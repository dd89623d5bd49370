"""Frames as they are written: even sides, and several beside each other."""

from collections.abc import Sequence

import numpy as np

from ptus.images import Pixels, resized


def even(pixels: Pixels) -> Pixels:
    """A picture (H, W, 3) without its last row or column where their number is odd: H.264 halves the colours' sides."""
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[: height - height % 2, : width - width % 2])


def beside(pictures: Sequence[Pixels], height: int) -> Pixels:
    """Pictures beside each other, all brought to one height, in pixels."""
    return np.concatenate(
        [
            picture
            if picture.shape[0] == height
            else resized(picture, max(1, round(picture.shape[1] * height / picture.shape[0])), height)
            for picture in pictures
        ],
        axis=1,
    )
