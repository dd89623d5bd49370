"""How the report's pictures look: colours and signs that the colour-blind can tell apart, in light and in dark."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours without black and yellow, which vanish on dark and on light paper.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
CONTENDERS = {"eager": COLOURS[0], "compiled": COLOURS[1]}

WIDTH = 7.5  # inches
DPI = 120

_COMMON = {
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


def write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    size: float = 7.5,
    align: str = "left",
) -> None:
    """Write beside a place of the data; the offset is in points."""
    axes.annotate(
        text, place, xytext=offset, textcoords="offset points", ha=align, va="center", fontsize=size, color=ink()
    )


def _png(plot: Callable[[], Figure], *, ink: str, paper: str, grid: str) -> bytes:
    colours = {"grid.color": grid, **dict.fromkeys(_INKS, ink), **dict.fromkeys(_PAPERS, paper)}
    with matplotlib.rc_context({**_COMMON, **colours}):
        buffer = io.BytesIO()
        plot().savefig(buffer, format="png")
    return buffer.getvalue()
