"""Several videos on the clock of one of them."""

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from ptus.images import Pixels
from ptus.video import TimedFrame


class Timeline:
    """The frames of a driving video as they go by, and what other videos show at the same times.

    Each video's clock starts at its first frame. One thread may read the videos while another takes what has gone by.

    Args:
        driving: the video that sets the times.
    """

    def __init__(self, driving: Iterable[TimedFrame]) -> None:
        self._frames = iter(driving)
        self._start: Fraction | None = None
        self._waiting: deque[TimedFrame] = deque()
        self._passed: deque[TimedFrame] = deque()
        self._clocks: list[deque[Fraction]] = []

    def driving(self) -> Iterator[Pixels]:
        """The driving video's frames; each is noted for `passed`."""
        while self._waiting or self._read():
            frame = self._waiting.popleft()
            self._passed.append(frame)
            yield frame.pixels

    def alongside(self, video: Iterable[TimedFrame]) -> Iterator[Pixels]:
        """What another video shows at the time of each driving frame; held at its end.

        Must be called before any frame is read. Read further than the driving video, it has that read ahead.
        """
        clock: deque[Fraction] = deque()
        self._clocks.append(clock)
        return self._resampled(video, clock)

    def passed(self) -> TimedFrame:
        """The next driving frame, in order, of those that `driving` has given out."""
        return self._passed.popleft()

    def _read(self) -> bool:
        """Read one more driving frame; whether there was one."""
        frame = next(self._frames, None)
        if frame is None:
            return False
        self._start = frame.time if self._start is None else self._start
        self._waiting.append(frame)
        for clock in self._clocks:
            clock.append(frame.time - self._start)
        return True

    def _resampled(self, video: Iterable[TimedFrame], clock: "deque[Fraction]") -> Iterator[Pixels]:
        frames = iter(video)
        shown = next(frames, None)
        if shown is None:
            return
        start, following = shown.time, next(frames, None)
        while clock or self._read():
            now = clock.popleft()
            while following is not None and following.time - start <= now:
                shown, following = following, next(frames, None)
            yield shown.pixels
