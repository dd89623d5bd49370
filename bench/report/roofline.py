"""Every kernel under the roof that the measured bandwidth and the measured peak of the machine make."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.style import COLOURS, MARKERS, Picture, draw, figure, ink, logarithmic
from bench.rows import Results, Row

FILLS = {"forward": "full", "backward": "none", "both": "left"}


def roofline(results: Results) -> Picture:
    """Operations a second over operations a byte, both of the work and not of how it is done."""
    rows = [row for row in results.rows if row.operations > 0 and row.bytes_moved > 0]
    notes = []
    if len(rows) < len(results.rows):
        names = sorted({f"{row.op}, {row.direction}" for row in results.rows if row not in rows})
        notes.append(f"Without floating-point operations, hence not in the picture: {'; '.join(names)}.")
    if results.peak_operations is None:
        notes.append("The machine's peak was not measured: the roof is the bandwidth's alone.")
    above = [row for row in rows if row.operations / row.ours.median > _roof(results, _intensity(row))]
    if above:
        notes.append(f"{len(above)} of {len(rows)} rows are above the roof: caches, or types with a higher peak.")
    return draw("roofline", "Roofline: every row under the measured roof", notes, lambda: _plot(results, rows))


def _intensity(row: Row) -> float:
    return row.operations / row.bytes_moved


def _roof(results: Results, intensity: float) -> float:
    slope = results.bandwidth * intensity
    return slope if results.peak_operations is None else min(slope, results.peak_operations)


def _plot(results: Results, rows: Sequence[Row]) -> Figure:
    ops = list(dict.fromkeys(row.op for row in rows))
    drawn = figure(4.8 + 0.2 * (len(ops) // 3))
    axes = drawn.subplots()
    for position, op in enumerate(ops):
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        for direction, fill in FILLS.items():
            own = [row for row in rows if row.op == op and row.direction == direction]
            xs, ys = [_intensity(row) for row in own], [row.operations / row.ours.median / 1e9 for row in own]
            axes.plot(xs, ys, marker, color=colour, fillstyle=fill, markersize=6)
        axes.plot([], [], marker, color=colour, label=op)
    _draw_roof(axes, results, [_intensity(row) for row in rows])
    axes.set_title("filled: forward; open: backward; half: both", loc="left", fontsize=8)
    drawn.legend(loc="outside lower center", ncols=3)
    if not rows:
        axes.text(0.5, 0.5, "no row has floating-point operations", transform=axes.transAxes, ha="center")
    return drawn


def _draw_roof(axes: Axes, results: Results, intensities: Sequence[float]) -> None:
    peak = results.peak_operations
    ridge = [] if peak is None else [peak / results.bandwidth]
    ends = [*intensities, *ridge] or [1.0]
    xs = sorted([min(ends) / 2, max(ends) * 2, *ridge])
    label = f"roof: copy at {results.bandwidth / 1e9:.3g} GB/s"
    if peak is not None:
        label += f", peak {peak / 1e9:.4g} GFLOP/s (float32)"
    axes.plot(xs, [_roof(results, x) / 1e9 for x in xs], color=ink(), linewidth=1.5, label=label)
    logarithmic(axes.xaxis)
    logarithmic(axes.yaxis)
    axes.set_xlim(xs[0], xs[-1])
    axes.set_xlabel("floating-point operations a byte that must move")
    axes.set_ylabel("GFLOP/s")
