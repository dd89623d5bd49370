"""Several runs of the same rows, pooled into one."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from bench.rows import Key, Results, Row, Times


def pool(runs: Sequence[Results]) -> Results:
    """One run's worth of results from at least two of the same build; a row is kept where every run has it.

    Where a run misses a row that another has, the row is among `not_measured`.
    """
    by_key: dict[Key, list[Row]] = {}
    for run in runs:
        for row in run.rows:
            by_key.setdefault(row.key, []).append(row)
    missing = {
        ", ".join(map(str, key)): f"measured in {len(rows)} of {len(runs)} runs"
        for key, rows in by_key.items()
        if len(rows) < len(runs)
    }
    not_measured = {name: why for run in runs for name, why in run.not_measured.items()}
    return replace(
        runs[0],
        bandwidth=statistics.median(run.bandwidth for run in runs),
        rows=[_pooled_rows(rows) for rows in by_key.values() if len(rows) == len(runs)],
        stages=[],
        not_measured=missing | not_measured,
    )


def _pooled_rows(rows: Sequence[Row]) -> Row:
    contenders = [name for name in rows[0].times if all(name in row.times for row in rows)]
    times = {name: pooled_times([row.times[name] for row in rows]) for name in contenders}
    memory = {name: _least([row.memory.get(name) for row in rows]) for name in rows[0].memory}
    return replace(rows[0], times=times, memory=memory, target=None, figure=None, reached=None)


def pooled_times(runs: Sequence[Times]) -> Times:
    """Median and quartiles of the fastest round of each run.

    What others on the machine do only ever adds to a time, by milliseconds where they take a core away: then medians
    tell of them alone. The fastest round of a process is nearly free of it, and a kernel that was made slower is slower
    in its fastest round too. How far processes of the same build lie apart is the spread.
    """
    fastest = [times.minimum for times in runs]
    rounds = [times.rounds for times in runs if times.rounds is not None]
    pooled = Times.of(fastest)
    return replace(pooled, rounds=sum(rounds) if rounds else None)


def _least(counts: Sequence[int | None]) -> int | None:
    """Of what a run may only have too much of: other threads' pages."""
    known = [count for count in counts if count is not None]
    return min(known) if len(known) == len(counts) else None
