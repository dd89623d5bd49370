"""Pipelines of threads: order, errors, leaving early, dropping."""

import threading
import time
from collections.abc import Iterator

import pytest

from ptus.threads import in_background, prefetch


def test_items_come_in_order() -> None:
    assert list(prefetch(iter(range(100)), 3)) == list(range(100))


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    items = prefetch(failing(), 3)
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)


def test_not_much_is_made_ahead_and_leaving_early_ends_the_thread() -> None:
    made, closed = [], []

    def counting() -> Iterator[int]:
        try:
            for number in range(1000):
                made.append(number)
                yield number
        finally:
            closed.append(threading.current_thread())

    before = threading.active_count()
    items = prefetch(counting(), 3)
    assert next(items) == 0
    time.sleep(0.2)
    assert len(made) <= 6
    items.close()
    assert closed and threading.active_count() == before


def test_what_is_live_gives_its_newest() -> None:
    def live() -> Iterator[int]:
        for number in range(50):
            time.sleep(0.004)
            yield number

    seen = []
    for number in prefetch(live(), 1, drop_old=True):
        seen.append(number)
        time.sleep(0.04)
    assert seen == sorted(set(seen)) and len(seen) < 25 and seen[-1] == 49


def test_what_is_handed_over_is_consumed_in_order_by_the_end_of_the_block() -> None:
    done: list[int] = []
    with in_background(done.append, 2) as hand_over:
        for number in range(50):
            hand_over(number)
    assert done == list(range(50))


def test_what_fails_in_the_background_is_raised() -> None:
    def fail(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError, match="0"), in_background(fail, 1) as hand_over:
        for number in range(50):
            hand_over(number)
    with pytest.raises(KeyError, match="7"), in_background(fail, 5) as hand_over:
        hand_over(7)


def test_where_the_block_fails_its_own_error_is_raised_and_the_rest_left() -> None:
    done = []

    def slow(number: int) -> None:
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(ValueError, match="mine"), in_background(slow, 10) as hand_over:
        for number in range(10):
            hand_over(number)
        raise ValueError("mine")
    assert len(done) < 5
