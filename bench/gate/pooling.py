"""Several runs of the same rows, pooled into one."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.rows import Key, Results, Row, Times


@dataclass(frozen=True)
class Run:
    """Results of one process.

    Args:
        results: what it measured.
        ops: those it was asked for; all if none is named.
    """

    results: Results
    ops: frozenset[str] = frozenset()

    def was_asked_for(self, row: Row) -> bool:
        """Whether the run ought to have the row."""
        return not self.ops or row.op in self.ops


def pool(runs: Sequence[Run], groups: int) -> Results:
    """One run's worth of results from several of the same build; a row is kept where every run asked for it has it.

    Where a run misses a row that another has, the row is among `not_measured`.

    Args:
        runs: at least two.
        groups: how many values there are of each row, see `pooled_times`.
    """
    by_key: dict[Key, list[Row]] = {}
    for run in runs:
        for row in run.results.rows:
            by_key.setdefault(row.key, []).append(row)
    asked = {key: sum(run.was_asked_for(rows[0]) for run in runs) for key, rows in by_key.items()}
    missing = {
        ", ".join(map(str, key)): f"measured in {len(rows)} of {asked[key]} runs"
        for key, rows in by_key.items()
        if len(rows) < asked[key]
    }
    not_measured = {name: why for run in runs for name, why in run.results.not_measured.items()}
    return replace(
        runs[0].results,
        bandwidth=statistics.median(run.results.bandwidth for run in runs),
        rows=[_pooled_rows(rows, groups) for key, rows in by_key.items() if len(rows) == asked[key]],
        stages=[],
        not_measured=missing | not_measured,
    )


def _pooled_rows(rows: Sequence[Row], groups: int) -> Row:
    contenders = [name for name in rows[0].times if all(name in row.times for row in rows)]
    times = {name: pooled_times([row.times[name] for row in rows], groups) for name in contenders}
    memory = {name: _least([row.memory.get(name) for row in rows]) for name in rows[0].memory}
    return replace(rows[0], times=times, memory=memory, target=None, figure=None, reached=None)


def pooled_times(runs: Sequence[Times], groups: int) -> Times:
    """Median and quartiles of the fastest round of each run; where there are more runs than groups, of each group.

    What others on the machine do only ever adds to a time, by milliseconds where they take a core away: then medians
    tell of them alone. The fastest round of a process is nearly free of it, and a kernel that was made slower is slower
    in its fastest round too. How far processes of the same build lie apart is the spread.

    Where a busy machine disturbs even the fastest rounds of whole processes, further runs join the groups in turn, so
    that a group has more chances of a quiet moment: the groups draw nearer to each other, and to the time that the
    kernel takes undisturbed.
    """
    fastest = [min(times.minimum for times in runs[first::groups]) for first in range(min(groups, len(runs)))]
    rounds = [times.rounds for times in runs if times.rounds is not None]
    pooled = Times.of(fastest)
    return replace(pooled, rounds=sum(rounds) if rounds else None)


def _least(counts: Sequence[int | None]) -> int | None:
    """Of what a run may only have too much of: other threads' pages."""
    known = [count for count in counts if count is not None]
    return min(known) if len(known) == len(counts) else None
