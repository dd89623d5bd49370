"""Where faces were lost: a face is followed from frame to frame, and a cut, or a head that turns away, ends that."""

from typing import NamedTuple

from ptus.animation.views import View

LOST_FRAMES = 25
"""A face that is not found for so many frames is lost: no talking head that was tried is missed for more than six."""


class Lost(NamedTuple):
    """Frames of the result for which a video's face was not found where it was.

    Its box stayed there, and its motion is a guess.
    """

    video: str
    first: int
    """The first of the frames, counted from 0."""
    last: int

    def __str__(self) -> str:
        """What to tell the user."""
        frames = f"frames {self.first} to {self.last} of the result"
        return f"{self.video} shows no face where it was: {frames} are a guess; animate each shot alone"


def note_lost(noted: list[Lost], number: int, video: str, view: View) -> None:
    """Add to what is noted of the frames before, of which no frame is left out, where a face is lost in this one."""
    if view.unseen < LOST_FRAMES:
        return
    for place, earlier in enumerate(noted):
        if (earlier.video, earlier.last) == (video, number - 1):
            noted[place] = earlier._replace(last=number)
            return
    noted.append(Lost(video, number - view.unseen + 1, number))
