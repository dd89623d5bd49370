"""Videos on the clock of another."""

from fractions import Fraction

import numpy as np

from ptus.animation.timeline import Timeline
from ptus.video import TimedFrame


def _video(count: int, rate: int, start: Fraction = Fraction(0)) -> list[TimedFrame]:
    step = Fraction(1, rate)
    return [TimedFrame(np.full((1, 1, 3), n, np.uint8), start + n * step, step) for n in range(count)]


def test_other_videos_show_what_they_show_at_that_time_and_are_held() -> None:
    timeline = Timeline(_video(10, 30, Fraction(7)))
    slower, faster, short = (timeline.alongside(v) for v in (_video(9, 15), _video(40, 60, Fraction(1)), _video(2, 30)))
    shown = [
        tuple(int(p[0, 0, 0]) for p in four) for four in zip(timeline.driving(), slower, faster, short, strict=False)
    ]
    assert shown == [(n, n // 2, 2 * n, min(n, 1)) for n in range(10)]
    assert [timeline.passed().time for _ in range(10)] == [7 + Fraction(n, 30) for n in range(10)]


def test_frames_may_be_read_ahead() -> None:
    timeline = Timeline(_video(6, 30))
    other = timeline.alongside(_video(6, 30))
    driving = timeline.driving()
    for _ in range(4):
        next(driving)
    assert [int(next(other)[0, 0, 0]) for _ in range(4)] == [0, 1, 2, 3]


def test_another_video_may_be_read_further() -> None:
    timeline = Timeline(_video(6, 30))
    other = timeline.alongside(_video(3, 15))
    driving = timeline.driving()
    assert int(next(driving)[0, 0, 0]) == 0
    assert [int(pixels[0, 0, 0]) for pixels in other] == [0, 0, 1, 1, 2, 2]
    assert [int(pixels[0, 0, 0]) for pixels in driving] == [1, 2, 3, 4, 5]
