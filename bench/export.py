"""Rows as CSV, for spreadsheets."""

import csv
from pathlib import Path

from bench.rows import Results, Row
from ptus.files import replacing

FIXED = (
    *("op", "case", "direction", "backend", "dtype", "memory_format", "batch", "size"),
    *("eager_format", "bytes_moved", "operations", "floor", "memory_allowed", "target", "figure", "reached"),
)


def write_csv(results: Results, path: Path) -> None:
    """One line a row, whole or not at all: seconds of each contender, ratios, bytes a second, memory, targets."""
    contenders = sorted({name for row in results.rows for name in (*row.times, *row.absent)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        lines = [_line(row, contenders) for row in results.rows]
        writer = csv.DictWriter(file, list(dict.fromkeys(name for line in lines for name in line)))
        writer.writeheader()
        writer.writerows(lines)


def _line(row: Row, contenders: list[str]) -> dict[str, object]:
    line: dict[str, object] = {name: getattr(row, name) for name in FIXED}
    line["size"] = "×".join(map(str, row.size))
    for name in contenders:
        times = row.times.get(name)
        for field in ("median", "minimum", "low", "high", "rounds"):
            line[f"{name}_{field}"] = getattr(times, field, None)
        line[f"{name}_ratio"] = row.ratio(name)
        line[f"{name}_absent"] = row.absent.get(name)
    line["bytes_a_second"] = row.bytes_moved / row.ours.median
    line["share_of_floor"] = row.share_of_floor
    line |= {f"memory_{form}": row.memory.get(form) for form in ("ours", "eager")}
    line["memory_ratio"] = row.memory_ratio
    return line
