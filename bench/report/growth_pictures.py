"""Time and memory over the batch and over the volume, with the exponent of every line."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.growth import VARYING, Point, Quantity, Series, Variable, series_of
from bench.report.labels import apart
from bench.report.style import COLOURS, MARKERS, Picture, draw, figure, ink, logarithmic
from bench.rows import Row

AXES = {"batch": "samples a call", "volume": "points of the volume"}
UNITS = {"time": ("milliseconds a call", 1e3), "memory": ("MiB, peak of a call", 2.0**-20)}
ABREAST = 2  # panels
PANEL, LINE = 2.6, 0.16  # inches a panel and a line of its key
LONGEST = 46  # characters of a line of the key, for which a panel has room


def growth(rows: Sequence[Row], quantity: Quantity, variable: Variable) -> Picture | str:
    """The picture of one quantity over one variable, or why there is none."""
    found = series_of(rows, quantity, variable)
    title = f"{quantity.capitalize()} over the {variable}"
    if not found:
        return f"{title}: not drawn, since no two rows with {quantity} differ in the {variable} alone."
    notes = sorted((str(each) for each in found), key=lambda note: not note.startswith("warning"))
    return draw(
        f"{quantity}-{variable}", f"{title}; n is the exponent, 1 where growth is linear", notes, lambda: _plot(found)
    )


def _plot(found: Sequence[Series]) -> Figure:
    panels: dict[str, list[Series]] = {}
    for each in found:
        panels.setdefault(f"{each.row.op}, {each.row.direction}", []).append(each)
    lines = [list(panels.items())[start : start + ABREAST] for start in range(0, len(panels), ABREAST)]
    heights = [size for line in lines for size in (PANEL, LINE * (2 + max(_lines_of_key(own) for _, own in line)))]
    drawn = figure(sum(heights))
    grid = drawn.add_gridspec(len(heights), ABREAST, height_ratios=heights)
    for position, line in enumerate(lines):
        for column, (title, own) in enumerate(line):
            axes = drawn.add_subplot(grid[2 * position, column])
            key = drawn.add_subplot(grid[2 * position + 1, column])
            _panel(axes, own)
            axes.set_title(title, loc="left")
            key.axis("off")
            key.legend(*axes.get_legend_handles_labels(), loc="upper left", borderaxespad=0, fontsize=7.5)
    return drawn


def key_of(own: Sequence[Series]) -> list[str]:
    """What the key says of each series, on as many lines as that takes."""
    names = apart([each.row for each in own], {*VARYING[own[0].variable], "direction"})
    return [
        fill(f"{name}: n = {each.exponent:.2f}" + (" – too steep" if each.too_steep else ""), LONGEST)
        for each, name in zip(own, names, strict=True)
    ]


def _lines_of_key(own: Sequence[Series]) -> int:
    return sum(label.count("\n") + 1 for label in key_of(own))


def _panel(axes: Axes, own: Sequence[Series]) -> None:
    quantity, variable = own[0].quantity, own[0].variable
    unit, factor = UNITS[quantity]
    for position, (each, label) in enumerate(zip(own, key_of(own), strict=True)):
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        axes.plot(*_scaled(each.ours, factor), color=colour, marker=marker, markersize=4, linewidth=1.5, label=label)
        axes.plot(*_scaled(each.eager, factor), color=colour, marker=marker, markersize=2, linewidth=0.8, linestyle=":")
    if any(each.eager for each in own):
        axes.plot([], [], color=ink(), linewidth=0.8, linestyle=":", label="dotted: the same in eager PyTorch")
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    axes.set_xlabel(AXES[variable])
    axes.set_ylabel(unit)
    sizes = sorted({size for each in own for size, _ in each.ours})
    if len(sizes) <= 6:
        axes.set_xticks(sizes, [_short(size) for size in sizes])


def _scaled(points: Sequence[Point], factor: float) -> tuple[list[int], list[float]]:
    return [size for size, _ in points], [value * factor for _, value in points]


def _short(size: int) -> str:
    return f"{size / 1000:.0f}k" if size >= 100_000 else f"{size / 1000:.1f}k" if size >= 1000 else str(size)
