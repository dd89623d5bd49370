"""Every kernel under the roof that the measured bandwidth and the measured peak of the machine make."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.report.style import COLOURS, MARKERS, Picture, draw, figure, ink, write
from bench.rows import Results, Row

FILLS = {"forward": "full", "backward": "none", "both": "left"}


def roofline(results: Results) -> Picture:
    """Operations a second over operations a byte, both of the work and not of how it is done."""
    rows = [row for row in results.rows if row.operations > 0]
    notes = []
    if len(rows) < len(results.rows):
        names = sorted({f"{row.op}, {row.direction}" for row in results.rows if row.operations <= 0})
        notes.append(f"Without floating-point operations, hence not in the picture: {'; '.join(names)}.")
    if results.peak_operations is None:
        notes.append("The machine's peak was not measured: the roof is the bandwidth's alone.")
    above = [row for row in rows if row.share_of_floor > 1]
    if above:
        notes.append(f"{len(above)} of {len(rows)} rows are above the roof: they work from caches.")
    return draw("roofline", "Roofline: every row under the measured roof", notes, lambda: _plot(results, rows))


def _plot(results: Results, rows: Sequence[Row]) -> Figure:
    ops = list(dict.fromkeys(row.op for row in rows))
    drawn = figure(4.6 + 0.2 * (len(ops) // 3))
    axes = drawn.subplots()
    for position, op in enumerate(ops):
        look = {"color": COLOURS[position % len(COLOURS)], "marker": MARKERS[position % len(MARKERS)]}
        axes.plot([], [], linestyle="none", label=op, **look)
        for row in (row for row in rows if row.op == op):
            place = (row.operations / row.bytes_moved, row.operations / row.ours.median)
            fill = FILLS.get(row.direction, "full")
            axes.plot(*place, linestyle="none", fillstyle=fill, markersize=6, alpha=0.85, **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.margins(0.12)
    _draw_roof(drawn, results, [row.operations / row.bytes_moved for row in rows])
    axes.set_xlabel("floating-point operations a byte that must move")
    axes.set_ylabel("operations a second")
    drawn.legend(loc="outside lower center", ncols=3)
    filled = "filled: forward; open: backward; half: both"
    axes.set_title(filled, loc="left", fontsize=8)
    if not rows:
        axes.text(0.5, 0.5, "no row has floating-point operations", transform=axes.transAxes, ha="center")
    return drawn


def _draw_roof(drawn: Figure, results: Results, intensities: Sequence[float]) -> None:
    (axes,) = drawn.axes
    peak = results.peak_operations
    ridge = 1.0 if peak is None else peak / results.bandwidth
    left, right = min([*intensities, ridge]) / 2, max([*intensities, ridge]) * 4
    xs = np.geomspace(left, right, 200)
    slope = results.bandwidth * xs
    axes.plot(xs, slope if peak is None else np.minimum(slope, peak), color=ink(), linewidth=1.5)
    axes.set_xlim(left, right)
    write(axes, f"copy: {results.bandwidth / 1e9:.3g} GB/s", (left, results.bandwidth * left), (8, 22), size=8)
    if peak is not None:
        write(axes, f"peak: {peak / 1e9:.4g} GFLOP/s, float32", (right, peak), (-4, 8), size=8, align="right")
