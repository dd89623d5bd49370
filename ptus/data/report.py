"""What was made, for people: DIR/report.html, which needs no other file, and DIR/report.png."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2

from ptus.animation.crop import FACE_SHARE
from ptus.data.dataset import Clip
from ptus.data.records import Record
from ptus.data.report_figure import draw_report
from ptus.data.summary import Summary, duration, summarise
from ptus.files import replacing
from ptus.images import Pixels, resized
from ptus.video import VideoReader

SHOWN_IN_PICTURE, SHOWN_IN_PAGE = 24, 96
THUMBNAIL_SIDE = 192
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 } td, th { padding: .2rem .9rem .2rem 0; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums } tr { border-bottom: 1px solid #ddd }
img { max-width: 100% } .sheet { display: flex; flex-wrap: wrap; gap: .5rem }
figure { margin: 0; width: 12rem } figcaption { font-size: .7rem; overflow-wrap: anywhere }
"""


def write_report(folder: Path, records: Sequence[Record], settings: dict[str, Any]) -> None:
    """Write both files; each appears whole or not at all.

    Args:
        folder: of the data set, whose clips are written.
        records: of all raw videos or puppets.
        settings: that the clips were made with.
    """
    summary = summarise(records)
    clips = [clip for record in records for clip in record.listed(folder)]
    facts = {clip.id: clip for _, clip in summary.clips}
    shown = []
    for clip in _evenly(clips, SHOWN_IN_PAGE):
        fact = facts[clip.id]
        caption = f"{clip.id}\n{clip.split}, {fact.seconds:.1f} s, face {fact.face:.0f} px of {fact.square}"
        shown.append((caption, _thumbnail(clip)))
    least_face = FACE_SHARE * settings["size"] if "shortest" in settings else None
    picture = draw_report(summary, _evenly(shown, SHOWN_IN_PICTURE), least_face)
    with replacing(folder / "report.png") as partial:
        partial.write_bytes(picture)
    with replacing(folder / "report.html") as partial:
        partial.write_bytes(_page(summary, records, settings, picture, shown).encode("utf-8", "replace"))


def _page(
    summary: Summary,
    records: Sequence[Record],
    settings: dict[str, Any],
    picture: bytes,
    shown: Sequence[tuple[str, Pixels]],
) -> str:
    given = ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)
    splits = [
        (split.name, split.identities, split.clips, f"{split.frames:,}", duration(split.seconds))
        for split in summary.splits
    ]
    reasons = [(reason, summary.parts[reason], duration(seconds)) for reason, seconds in summary.rejected.items()]
    sizes = sorted({f"{clip.size}×{clip.size} at {clip.fps} fps" for _, clip in summary.clips})
    videos = [
        (record.name, record.identity, duration(record.seconds), len(record.clips), _parts(record))
        for record in records
    ]
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Data set</title>",
        f"<style>{STYLE}</style><h1>Data set</h1>",
        f"<p>{len(summary.clips)} clips, {duration(summary.clip_seconds)}, of {summary.videos} videos, "
        f"{duration(summary.seconds)}. {escape('; '.join(sizes))}. Made with {escape(given)}.</p>",
        _table(("split", "identities", "clips", "frames", "length"), splits),
        f"<img alt='charts' src='data:image/png;base64,{b64encode(picture).decode()}'>",
        "<h2>Clips</h2>" + _sheet(shown, len(summary.clips)),
        "<h2>Left out</h2>" + _table(("reason", "parts", "length"), reasons),
        "<h2>Not readable</h2>" + _table(("video", "why"), summary.broken),
        "<h2>Damaged</h2>" + _table(("video", "what is wrong"), summary.damaged),
        "<h2>Videos</h2>" + _table(("video", "identity", "length", "clips", "left out"), videos),
    ]
    return "\n".join(parts) + "\n"


def _parts(record: Record) -> str:
    """Every part of a video that was left out, in words."""
    return "; ".join(f"{part.start:.1f}–{part.end:.1f} s {part.reason}" for part in record.rejections)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_row(row) for row in rows]
    if not lines:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _row(cells: Sequence[object]) -> str:
    kinds = (" class='number'" if isinstance(cell, int) else "" for cell in cells)
    return (
        "<tr>"
        + "".join(f"<td{kind}>{escape(str(cell))}</td>" for kind, cell in zip(kinds, cells, strict=True))
        + "</tr>"
    )


def _sheet(shown: Sequence[tuple[str, Pixels]], of: int) -> str:
    figures = []
    for caption, pixels in shown:
        data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
        source = f"data:image/jpeg;base64,{b64encode(data).decode()}"
        figures.append(f"<figure><img alt='' src='{source}'><figcaption>{escape(caption)}</figcaption></figure>")
    return f"<p>{len(shown)} of {of}, each by its first frame.</p><div class='sheet'>{''.join(figures)}</div>"


def _thumbnail(clip: Clip) -> Pixels:
    """The first frame of a clip with its face box."""
    with VideoReader(clip.path) as video:
        pixels = next(iter(video)).pixels
    small = resized(pixels, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    box = clip.face_boxes()[0].scaled(THUMBNAIL_SIDE / clip.width)
    corners = ((round(box.x), round(box.y)), (round(box.x + box.width), round(box.y + box.height)))
    cv2.rectangle(small, *corners, (255, 220, 60), 1, cv2.LINE_AA)
    return small


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many of the items, evenly chosen, in order."""
    count = min(most, len(items))
    return [items[number * len(items) // count] for number in range(count)]
