"""Time and memory over the batch and over the volume, with the exponent of every line."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.growth import VARYING, Point, Quantity, Series, Variable, series_of
from bench.report.labels import apart
from bench.report.style import COLOURS, MARKERS, Picture, draw, figure, ink
from bench.rows import Row

AXES = {"batch": "samples a call", "volume": "points of the volume"}
UNITS = {"time": ("milliseconds a call", 1e3), "memory": ("MiB, peak of a call", 2.0**-20)}
LINE = 0.19  # inches a line of the key


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
    by_op: dict[str, list[Series]] = {}
    for each in found:
        by_op.setdefault(each.row.op, []).append(each)
    heights = [max(2.4, 0.6 + LINE * (len(own) + 1)) for own in by_op.values()]
    drawn = figure(sum(heights) + 0.2)
    grid = drawn.add_gridspec(len(by_op), 2, width_ratios=(1.0, 1.0), height_ratios=heights)
    for position, (op, own) in enumerate(by_op.items()):
        axes, key = drawn.add_subplot(grid[position, 0]), drawn.add_subplot(grid[position, 1])
        _panel(axes, own)
        axes.set_title(op, loc="left")
        key.axis("off")
        key.legend(*axes.get_legend_handles_labels(), loc="center left", borderaxespad=0, handlelength=2.4)
    return drawn


def _panel(axes: Axes, own: Sequence[Series]) -> None:
    quantity, variable = own[0].quantity, own[0].variable
    unit, factor = UNITS[quantity]
    names = apart([each.row for each in own], VARYING[variable])
    for position, (each, name) in enumerate(zip(own, names, strict=True)):
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        label = f"{name}: n = {each.exponent:.2f}" + (" – too steep" if each.too_steep else "")
        axes.plot(*_scaled(each.ours, factor), color=colour, marker=marker, markersize=4, linewidth=1.5, label=label)
        axes.plot(*_scaled(each.eager, factor), color=colour, marker=marker, markersize=2, linewidth=0.8, linestyle=":")
    if any(each.eager for each in own):
        axes.plot([], [], color=ink(), linewidth=0.8, linestyle=":", label="dotted: the same in eager PyTorch")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(AXES[variable])
    axes.set_ylabel(unit)
    sizes = sorted({size for each in own for size, _ in each.ours})
    if len(sizes) <= 6:
        axes.set_xticks(sizes, [_short(size) for size in sizes])
        axes.set_xticks([], minor=True)


def _scaled(points: Sequence[Point], factor: float) -> tuple[list[int], list[float]]:
    return [size for size, _ in points], [value * factor for _, value in points]


def _short(size: int) -> str:
    return f"{size / 1000:.4g}k" if size >= 1000 else str(size)
