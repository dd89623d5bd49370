"""What changed between two runs of the benchmark.

On a machine that others use too, all times of a run may be half as long again as in the run before, so plain times show
the neighbours as often as the change. Within a run, though, every contender takes its turn in every round, and eager
PyTorch does the same work in both runs: its own change is the machine's. It is read in two ways, since each errs where
the other does not:

- the row's eager, which knows what went on while this row was measured, but may have had a bad moment of its own;
- the median over all rows of eager's change, which no single row's noise moves, but which averages over the run. Where
  no row has eager times it is the change of the copy bandwidth.

New times are divided by either change. A row is slower only where after both the quartile intervals lie apart and the
medians differ by more than MARGIN; faster likewise. The copy bandwidth alone would be a poor measure: it is taken once,
at the start of a run, and says nothing of the processor's clock.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.rows import Key, Results, Row, Times
from bench.schema import MalformedError

MARGIN = 0.10  # what alignment and the placement of pages may do to the same code
WIDE = 0.5  # quartiles so far apart, as a share of the median, hide what they are asked about
MEMORY_MARGIN = 0.05
MEMORY_SLACK = 1 << 20  # bytes; the system counts pages, and threads count them in batches


@dataclass(frozen=True)
class Change:
    """A row of both runs.

    Args:
        old: the row before.
        new: the row after.
        machine: eager's change over all rows, as a ratio of new to old.
    """

    old: Row
    new: Row
    machine: float

    @property
    def ratio(self) -> float:
        """New time over old, as measured."""
        return self.new.ours.median / self.old.ours.median

    @property
    def corrected(self) -> float:
        """New time over old with the machine's change taken out; of the two ways the one that is nearer to 1."""
        return min((self.ratio / pace for pace in self._paces), key=lambda ratio: max(ratio, 1 / ratio))

    @property
    def slower(self) -> bool:
        """Slower by more than the margin and the measured spread."""
        return all(_apart(self.old.ours, _at(self.new.ours, pace)) for pace in self._paces)

    @property
    def faster(self) -> bool:
        """Faster by more than the margin and the measured spread."""
        return all(_apart(_at(self.new.ours, pace), self.old.ours) for pace in self._paces)

    @property
    def undecided(self) -> bool:
        """Whether the spread of either run is so wide that a slower row would not show."""
        spreads = [(each.ours.high - each.ours.low) / each.ours.median for each in (self.old, self.new)]
        return max(spreads) > WIDE and not self.slower and not self.faster

    @property
    def takes_more_memory(self) -> bool:
        """Whether the peak of a call grew by more than what counting pages explains."""
        old, new = self.old.memory.get("ours"), self.new.memory.get("ours")
        return old is not None and new is not None and new - old > max(MEMORY_SLACK, MEMORY_MARGIN * old)

    @property
    def misses_its_target(self) -> bool:
        """Whether the row reached its target before and does not now."""
        return self.old.reached is True and self.new.reached is False

    @property
    def _paces(self) -> list[float]:
        return [self.machine, *_eagers_change(self.old, self.new)]


@dataclass(frozen=True)
class Comparison:
    """What changed from one run to another.

    Args:
        machine: eager's change over all rows, as a ratio of new to old: more than 1 on a machine that was slower.
        changes: the rows that both have.
        vanished: the rows that only the old run has.
        appeared: the rows that only the new run has.
        failing: what the new run was asked for and could not measure, though the old one could or was not asked.
    """

    machine: float
    changes: list[Change]
    vanished: list[Row]
    appeared: list[Row]
    failing: dict[str, str]

    @property
    def worse(self) -> bool:
        """Whether anything is slower, vanished, fails, or takes more memory."""
        return bool(
            self.vanished or self.failing or any(each.slower or each.takes_more_memory for each in self.changes)
        )

    @property
    def undecided(self) -> list[Change]:
        """The rows of which nothing can be said."""
        return [each for each in self.changes if each.undecided]


def compare(old: Results, new: Results) -> Comparison:
    """Compare two runs of the benchmark.

    Raises:
        MalformedError: where one of them has two rows for the same thing.
    """
    before, after = _by_key(old.rows), _by_key(new.rows)
    common = [key for key in before if key in after]
    eagers = [change for key in common for change in _eagers_change(before[key], after[key])]
    machine = statistics.median(eagers) if eagers else old.bandwidth / new.bandwidth
    return Comparison(
        machine,
        changes=[Change(before[key], after[key], machine) for key in common],
        vanished=[row for key, row in before.items() if key not in after],
        appeared=[row for key, row in after.items() if key not in before],
        failing={name: why for name, why in new.not_measured.items() if name not in old.not_measured},
    )


def _by_key(rows: Sequence[Row]) -> dict[Key, Row]:
    found: dict[Key, Row] = {}
    for row in rows:
        if found.setdefault(row.key, row) is not row:
            raise MalformedError(f"two rows are {', '.join(map(str, row.key))}")
    return found


def _eagers_change(old: Row, new: Row) -> list[float]:
    """New time over old of eager PyTorch, if both rows have it."""
    before, after = old.times.get("eager"), new.times.get("eager")
    return [] if before is None or after is None else [after.median / before.median]


def _at(times: Times, pace: float) -> Times:
    return Times(times.median / pace, times.minimum / pace, times.low / pace, times.high / pace, times.rounds)


def _apart(less: Times, more: Times) -> bool:
    """Whether the second takes longer by more than the margin, and their quartile intervals do not overlap."""
    return more.median > (1 + MARGIN) * less.median and more.low > less.high
