"""Stages of a pipeline in threads of their own, with little between them, so that the slowest sets the pace."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 0.1
"""Seconds between looks at whether the other side has gone away."""


class _End:
    """The last thing in a queue: there is no more, or it failed."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Iterable[T], depth: int, *, drop_old: bool = False) -> Generator[T, None, None]:
    """The items, made in a thread, at most `depth` of them ahead.

    What raises there is raised here. Where the caller stops early, so does the thread, and an iterator that can be
    closed is closed in it.

    Args:
        items: made in the thread.
        depth: how many may wait.
        drop_old: leave out the oldest that waits instead of waiting for it to be taken.
    """
    queue: Queue[T | _End] = Queue(depth)
    left = threading.Event()
    thread = threading.Thread(target=_fill, args=(queue, items, left, drop_old), daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        left.set()
        thread.join()


@contextmanager
def in_background(consume: Callable[[T], None], depth: int) -> Iterator[Callable[[T], None]]:
    """A function that hands items over to `consume`, which runs in a thread; at most `depth` wait.

    What `consume` raises is raised at the next item, or at the end of the block, which waits for all items to be
    consumed. Where the block raises, those that wait are left out.
    """
    queue: Queue[T | _End] = Queue(depth)
    failed: list[BaseException] = []
    abandoned = threading.Event()

    def work() -> None:
        while not isinstance(item := queue.get(), _End):
            if failed or abandoned.is_set():
                continue
            try:
                consume(item)
            except BaseException as error:
                failed.append(error)

    def hand_over(item: T) -> None:
        if failed:
            raise failed[0]
        queue.put(item)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield hand_over
    except BaseException:
        abandoned.set()
        raise
    finally:
        queue.put(_End(None))
        thread.join()
    if failed:
        raise failed[0]


def _fill(queue: "Queue[T | _End]", items: Iterable[T], left: threading.Event, drop_old: bool) -> None:
    error: BaseException | None = None
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(queue, item, left, drop_old):
                break
    except BaseException as raised:
        error = raised
    finally:
        if isinstance(iterator, Generator):
            iterator.close()
        _put(queue, _End(error), left, False)


def _put(queue: "Queue[T | _End]", item: "T | _End", left: threading.Event, drop_old: bool) -> bool:
    """Put an item in, unless the one who takes them has left."""
    while not left.is_set():
        try:
            queue.put(item, block=not drop_old, timeout=PATIENCE)
            return True
        except Full:
            if drop_old:
                _discard_oldest(queue)
    return False


def _discard_oldest(queue: "Queue[T | _End]") -> None:
    try:
        queue.get_nowait()
    except Empty:
        return
