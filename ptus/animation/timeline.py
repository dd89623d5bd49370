"""Several videos on the clock of one of them."""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from ptus.images import Pixels
from ptus.video import TimedFrame


class Timeline:
    """The frames of a driving video as they go by, and what other videos show at the same times.

    Each video's clock starts at its first frame. Threads may read the videos while another takes what has gone by.

    Args:
        driving: the video that sets the times.
    """

    def __init__(self, driving: Iterable[TimedFrame]) -> None:
        self._driving = driving
        self._passed: deque[TimedFrame] = deque()
        self._clocks: list[deque[Fraction]] = []

    def driving(self) -> Iterator[Pixels]:
        """The driving video's frames; each is noted for `passed`."""
        start = None
        for frame in self._driving:
            start = frame.time if start is None else start
            for clock in self._clocks:
                clock.append(frame.time - start)
            self._passed.append(frame)
            yield frame.pixels

    def alongside(self, video: Iterable[TimedFrame]) -> Iterator[Pixels]:
        """What another video shows at the time of each driving frame that has been read; held at its end.

        Must be called before the driving video is read, and never asked for more frames than that has given.
        """
        clock: deque[Fraction] = deque()
        self._clocks.append(clock)
        return _resampled(video, clock)

    def passed(self) -> TimedFrame:
        """The next driving frame, in order, of those that have been read."""
        return self._passed.popleft()


def _resampled(video: Iterable[TimedFrame], clock: "deque[Fraction]") -> Iterator[Pixels]:
    frames = iter(video)
    shown = next(frames, None)
    if shown is None:
        return
    start = shown.time
    following = next(frames, None)
    while True:
        now = clock.popleft()
        while following is not None and following.time - start <= now:
            shown, following = following, next(frames, None)
        yield shown.pixels
