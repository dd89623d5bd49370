"""The report as a picture: counts, sizes, rejections and a contact sheet."""

from collections.abc import Sequence
from io import BytesIO
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ptus.data.summary import Summary, duration
from ptus.images import Pixels

COLUMNS = 8
CHARTS_HEIGHT = 6.2
WIDTH = 14.0
ACCENT, WARNING = "#3b6ea5", "#b5563b"


def draw_report(summary: Summary, thumbnails: Sequence[tuple[str, Pixels]], least_face: float | None) -> bytes:
    """A PNG file.

    Args:
        summary: of the data set.
        thumbnails: of some clips, with their captions.
        least_face: height of a face in the raw video, pixels, under which it is too small; None for no such limit.
    """
    rows = ceil(len(thumbnails) / COLUMNS)
    tile = WIDTH / COLUMNS + 0.25
    figure = Figure(figsize=(WIDTH, CHARTS_HEIGHT + tile * rows), dpi=100, layout="constrained")
    heights = [CHARTS_HEIGHT, tile * rows] if rows else [CHARTS_HEIGHT]
    charts, *sheets = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    charts.suptitle(
        f"{len(summary.clips)} clips, {duration(summary.clip_seconds)}, of {summary.videos} videos, "
        f"{duration(summary.seconds)}"
    )
    (by_split, faces, squares), (lengths, sharpness, reasons) = charts.subplots(2, 3)
    _bars(by_split, "minutes by split (clips / identities)", ACCENT, {
        f"{split.name}\n{split.clips} / {split.identities}": split.seconds / 60 for split in summary.splits
    })  # fmt: skip
    clips = [clip for _, clip in summary.clips]
    _histogram(faces, "face height in the raw video, pixels", [clip.face for clip in clips])
    if least_face is not None:
        faces.axvline(least_face, color=WARNING, linewidth=1)
    _histogram(squares, "side of the square in the raw video, pixels", [clip.square for clip in clips])
    _histogram(lengths, "length of clips, seconds", [clip.seconds for clip in clips])
    _histogram(sharpness, "sharpness of faces", [clip.sharpness for clip in clips])
    _bars(reasons, "seconds left out, by reason", WARNING, {
        f"{reason} ({summary.parts[reason]})": seconds for reason, seconds in summary.rejected.items()
    }, lying=True)  # fmt: skip
    for sheet in sheets:
        _contact_sheet(sheet.subplots(rows, COLUMNS, squeeze=False).ravel().tolist(), thumbnails)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _bars(axes: Axes, title: str, colour: str, heights: dict[str, float], lying: bool = False) -> None:
    axes.set_title(title, fontsize=10)
    if not heights:
        axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
    elif lying:
        axes.barh(list(heights), list(heights.values()), color=colour)
        axes.invert_yaxis()
    else:
        axes.bar(list(heights), list(heights.values()), color=colour)
    axes.tick_params(labelsize=8)


def _histogram(axes: Axes, title: str, values: Sequence[float]) -> None:
    axes.set_title(title, fontsize=10)
    axes.hist(values, bins=min(30, max(5, len(values) // 3)), color=ACCENT)
    axes.set_ylabel("clips", fontsize=8)
    axes.tick_params(labelsize=8)


def _contact_sheet(tiles: Sequence[Axes], thumbnails: Sequence[tuple[str, Pixels]]) -> None:
    for axes in tiles:
        axes.set_axis_off()
    for axes, (caption, pixels) in zip(tiles, thumbnails, strict=False):
        axes.imshow(pixels)
        axes.set_title(caption, fontsize=6)
