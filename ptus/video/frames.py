"""A frame and when it is shown."""

from fractions import Fraction
from typing import NamedTuple

from ptus.images import Pixels


class TimedFrame(NamedTuple):
    """A frame of a video."""

    pixels: Pixels
    """(H, W, 3), upright."""
    time: Fraction
    """When it is first shown, in seconds."""
    duration: Fraction
    """How long it is shown at least, in seconds: what the file says, otherwise one over the frame rate."""
