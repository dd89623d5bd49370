"""How many times as fast as eager PyTorch and torch.compile: an op a bar, and within an op a row a bar."""

import re
from collections.abc import Mapping, Sequence
from statistics import geometric_mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.labels import apart
from bench.report.style import COLOURS, CONTENDERS, Picture, draw, figure, ink, logarithmic, write
from bench.rows import Row

Group = tuple[str, list[Row]]  # a label, and the rows that it stands for

FILLED = 0.8  # of the distance between groups


def by_op(rows: Sequence[Row]) -> Picture:
    """The geometric mean over an op's rows in each direction, with the least and the most of them."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(f"{row.op}, {row.direction}", []).append(row)
    labelled = [(f"{name} ({len(each)})", each) for name, each in groups.items()]
    title = "Speedup by op: geometric mean of its rows (how many in brackets), and from least to most"
    return draw("speedup", title, _absent(rows), lambda: _plot(labelled))


def of_op(op: str, rows: Sequence[Row]) -> Picture:
    """Every row of an op."""
    own = [row for row in rows if row.op == op]
    labelled = [(name, [row]) for name, row in zip(apart(own), own, strict=True)]
    name = re.sub(r"[^\w-]+", "-", op)
    return draw(f"speedup-{name}", f"{op}: speedup of every row", _absent(own), lambda: _plot(labelled))


def _contenders(rows: Sequence[Row]) -> list[str]:
    """All that were timed beside ours; eager PyTorch and torch.compile first."""
    names = {name for row in rows for name in row.times} - {"ours"}
    return [name for name in CONTENDERS if name in names] + sorted(names - CONTENDERS.keys())


def _absent(rows: Sequence[Row]) -> list[str]:
    notes = []
    for name in CONTENDERS:
        missing = [row for row in rows if name not in row.times]
        if missing:
            reasons = "; ".join(sorted({row.absent[name] for row in missing if name in row.absent}))
            notes.append(f"{name}: not timed in {len(missing)} of {len(rows)} rows{reasons and f' ({reasons})'}.")
    return notes


def _plot(groups: Sequence[Group]) -> Figure:
    names = _contenders([row for _, rows in groups for row in rows])
    drawn = figure(1.1 + (0.16 * max(len(names), 1) + 0.12) * len(groups))
    axes = drawn.subplots()
    height = FILLED / max(len(names), 1)
    for position, name in enumerate(names):
        colour = CONTENDERS.get(name, COLOURS[position % len(COLOURS)])
        offset = (position + 0.5) * height - FILLED / 2
        ratios = {index + offset: _ratios(rows, name) for index, (_, rows) in enumerate(groups)}
        _bars(axes, {y: each for y, each in ratios.items() if each}, height, colour, f"× {name}")
    _frame(axes, groups, names)
    if names:
        drawn.legend(loc="outside upper right", ncols=len(names))
    else:
        axes.text(0.5, 0.5, "nothing was timed beside ours", transform=axes.transAxes, ha="center", va="center")
    return drawn


def _ratios(rows: Sequence[Row], name: str) -> list[float]:
    return [ratio for row in rows if (ratio := row.ratio(name)) is not None]


def _bars(axes: Axes, ratios: Mapping[float, list[float]], height: float, colour: str, label: str) -> None:
    means = [geometric_mean(each) for each in ratios.values()]
    axes.barh(list(ratios), [mean - 1 for mean in means], left=1, height=height, color=colour, label=label)
    for mean, (y, each) in zip(means, ratios.items(), strict=True):
        if len(each) > 1:
            axes.plot([min(each), max(each)], [y, y], color=ink(), linewidth=1, marker="|", markersize=4)
        write(axes, f"{mean:.1f}", (max(1.0, *each), y))


def _frame(axes: Axes, groups: Sequence[Group], names: Sequence[str]) -> None:
    ratios = [ratio for _, rows in groups for name in names for ratio in _ratios(rows, name)]
    left, right = min([*ratios, 1.0]) / 1.15, max([*ratios, 1.0]) * 1.8
    logarithmic(axes.xaxis)
    axes.set_xlim(left, right)
    axes.set_xlabel("times as fast as … (1: as fast; logarithmic)")
    axes.set_yticks(range(len(groups)), [name for name, _ in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.axvline(1, color=ink(), linewidth=1)
