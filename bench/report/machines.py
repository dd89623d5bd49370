"""Several runs side by side, in the rows that all of them have."""

from collections.abc import Sequence
from statistics import geometric_mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.style import COLOURS, Picture, draw, figure, write
from bench.rows import Results, Row
from bench.stored import machine_of

Work = tuple[object, ...]
Runs = dict[str, dict[Work, Row]]

HEIGHT = 0.8  # of the bars of a group


def machines(results: Sequence[Results]) -> Picture | str:
    """Speedup and share of the floor on each machine and backend, or why they cannot stand side by side."""
    runs = by_machine(results)
    common = common_work(runs)
    if not common:
        return f"Machines side by side: not drawn, since {', '.join(runs)} have no work in common."
    note = f"{len(common)} rows that were measured on all: geometric means over an op's rows."
    return draw("machines", "Machines side by side", [note], lambda: _plot(runs, common))


def by_machine(results: Sequence[Results]) -> Runs:
    """Rows by machine and backend, and then by the work, which is the same whatever runs it."""
    runs: Runs = {}
    for position, each in enumerate(results):
        for row in each.rows:
            label = f"{position + 1}: {machine_of(each)}, {row.backend}, {each.machine['date']}"
            work = (row.op, row.case, row.direction, row.dtype, row.memory_format, row.batch, row.size)
            runs.setdefault(label, {})[work] = row
    return runs


def common_work(runs: Runs) -> list[Work]:
    """The work that every run has a row for, in the first one's order."""
    first, *others = runs.values()
    return [work for work in first if all(work in rows for rows in others)]


def _plot(runs: Runs, common: Sequence[Work]) -> Figure:
    groups: dict[str, list[Work]] = {}
    for work in common:
        groups.setdefault(f"{work[0]}, {work[2]}", []).append(work)
    drawn = figure(1.3 + 0.22 * len(runs) + (0.16 * len(runs) + 0.14) * len(groups))
    left, right = drawn.subplots(1, 2, sharey=True)
    for position, (label, rows) in enumerate(runs.items()):
        colour = COLOURS[position % len(COLOURS)]
        for index, works in enumerate(groups.values()):
            y = index + (position + 0.5) * HEIGHT / len(runs) - HEIGHT / 2
            own = [rows[work] for work in works]
            _bar(left, y, [ratio for row in own if (ratio := row.ratio("eager")) is not None], len(runs), colour)
            _bar(right, y, [100 * row.share_of_floor for row in own], len(runs), colour)
        left.barh(0, 0, color=colour, label=label)
    left.set_xlabel("times as fast as eager PyTorch there")
    right.set_xlabel("% of the floor (a copy of the same bytes)")
    left.set_yticks(range(len(groups)), list(groups))
    left.set_ylim(len(groups) - 0.4, -0.6)
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.18)
    drawn.legend(loc="outside lower left", ncols=1)
    return drawn


def _bar(axes: Axes, y: float, values: Sequence[float], runs: int, colour: str) -> None:
    if not values:
        write(axes, "not timed", (0, y))
        return
    mean = geometric_mean(values)
    axes.barh(y, mean, height=HEIGHT / runs, color=colour)
    write(axes, f"{mean:.1f}" if mean >= 1 else f"{mean:.2g}", (mean, y))
