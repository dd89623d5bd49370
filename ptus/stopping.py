"""Ctrl-C, SIGTERM and a closed terminal as a wish to stop: what is done so far is finished properly."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

WISHES = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Stop:
    """Whether the user wants to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def status(self) -> int:
        """What a program that was stopped so exits with."""
        return 128 + (self.signal or 0)

    def until(self, items: Iterable[T]) -> Iterator[T]:
        """The items, up to where the user wants to stop."""
        for item in items:
            if self.signal is not None:
                return
            yield item


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Note the first of these signals in the block instead of dying of it; the second has its usual effect.

    Works in the main thread only, which is where Python lets signals be handled.
    """
    stop = Stop()
    handlers = {wish: signal.getsignal(wish) for wish in WISHES}
    usual = {wish: handler for wish, handler in handlers.items() if handler is not signal.SIG_IGN}  # as under nohup

    def note(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        restore()

    def restore() -> None:
        for wish, handler in usual.items():
            signal.signal(wish, handler)

    for wish in usual:
        signal.signal(wish, note)
    try:
        yield stop
    finally:
        restore()
