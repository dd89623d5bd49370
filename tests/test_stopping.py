"""Signals as a wish to stop."""

import signal

import pytest

from ptus.stopping import WISHES, stop_on_signals


@pytest.mark.parametrize("wish", WISHES)
def test_the_first_is_noted_and_the_second_has_its_usual_effect(wish: signal.Signals) -> None:
    seen: list[int] = []
    before = signal.signal(wish, lambda number, _: seen.append(number))
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(wish)
            assert (stop.signal, stop.status, seen) == (wish, 128 + wish, [])
            signal.raise_signal(wish)
            assert seen == [wish]
    finally:
        signal.signal(wish, before)


@pytest.mark.parametrize("wish", WISHES)
def test_what_is_ignored_stays_ignored(wish: signal.Signals) -> None:
    """As a closed terminal is under nohup."""
    before = signal.signal(wish, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            signal.raise_signal(wish)
            assert stop.signal is None
        assert signal.getsignal(wish) is signal.SIG_IGN
    finally:
        signal.signal(wish, before)
