"""How the report's pictures look: colours and signs that the colour-blind can tell apart, in light and in dark."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image

# Okabe and Ito's colours without black and yellow, which vanish on dark and on light paper.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
CONTENDERS = {"eager": COLOURS[0], "compiled": COLOURS[1]}

WIDTH = 7.5  # inches
DPI = 120
PALETTE = 128  # colours of a stored picture

_COMMON: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.constrained_layout.use": True,
}
_INKS = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
_PAPERS = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")


@dataclass(frozen=True)
class Picture:
    """A drawn picture.

    Args:
        name: of its file, without the suffix.
        title: what it shows, in a line.
        notes: what it leaves out and why, warnings among them, a line each.
        light: the PNG on white.
        dark: the PNG on black.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    light: bytes
    dark: bytes


def draw(name: str, title: str, notes: Iterable[str], plot: Callable[[], Figure]) -> Picture:
    """Draw a picture in light and in dark."""
    light = _png(plot, ink="#1b1f24", paper="#ffffff", grid="#dfe3e8")
    dark = _png(plot, ink="#e6e9ec", paper="#14171a", grid="#333a41")
    return Picture(name, title, tuple(notes), light, dark)


def ink() -> str:
    """The colour that is being written in."""
    return str(matplotlib.rcParams["text.color"])


def figure(height: float) -> Figure:
    """A figure of the common width, without a screen; the height is in inches."""
    drawn = Figure(figsize=(WIDTH, height), dpi=DPI)
    FigureCanvasAgg(drawn)
    return drawn


def write(axes: Axes, text: str, place: tuple[float, float]) -> None:
    """Write to the right of a place of the data."""
    written = axes.annotate(
        text, place, xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5, color=ink()
    )
    written.set_in_layout(False)  # hundreds of them take minutes to lay out


def logarithmic(axis: Axis) -> None:
    """Make an axis logarithmic, with plain numbers at 1, 2 and 5."""
    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _png(plot: Callable[[], Figure], *, ink: str, paper: str, grid: str) -> bytes:
    colours: dict[str, Any] = {"grid.color": grid, **dict.fromkeys(_INKS, ink), **dict.fromkeys(_PAPERS, paper)}
    drawn, stored = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(_COMMON | colours):  # type: ignore[arg-type]
        plot().savefig(drawn, format="png")
    with Image.open(drawn) as image:  # lines and areas of few colours, at a quarter of the bytes
        image.convert("RGB").quantize(PALETTE, dither=Image.Dither.NONE).save(stored, format="png", optimize=True)
    return stored.getvalue()
