"""What a comparison says on the terminal."""

from collections.abc import Sequence

from bench.compare.changes import MARGIN, Change, Comparison
from bench.rows import Row

HEADINGS = ("op", "case", "direction", "backend", "type", "format", "batch", "size")
MEASURED = ("old ms", "new ms", "new/old", "corrected", "× eager")


def text(comparison: Comparison) -> list[str]:
    """A comparison for readers, a line each: what is worse first."""
    changes = comparison.changes
    lines = [
        f"{len(changes)} rows in both; eager PyTorch takes {comparison.machine:.2f} times as long as in the old run"
    ]
    lines += _timed("slower", [each for each in changes if each.slower])
    lines += _with_memory([each for each in changes if each.takes_more_memory])
    lines += _section("vanished", [_names(row) for row in comparison.vanished])
    lines += _section("cannot be measured any more", [[name, why] for name, why in comparison.failing.items()])
    lines += _section("misses its target, which it reached", _targets(changes))
    lines += _timed("faster", [each for each in changes if each.faster])
    lines += _timed("measured with too wide a spread to tell", comparison.undecided)
    lines += _section("new", [_names(row) for row in comparison.appeared])
    if not comparison.worse and not comparison.undecided:
        lines.append(
            f"nothing is slower by more than {MARGIN:.0%} and the spread, none vanished, none takes more memory"
        )
    return lines


def _timed(title: str, changes: Sequence[Change]) -> list[str]:
    worst_first = sorted(changes, key=lambda change: -abs(change.corrected - 1))
    return _section(title, [_names(each.new) + _measured(each) for each in worst_first], (*HEADINGS, *MEASURED))


def _with_memory(changes: Sequence[Change]) -> list[str]:
    lines = [[*_names(each.new), _mebibytes(each.old), _mebibytes(each.new)] for each in changes]
    return _section("takes more memory", lines, (*HEADINGS, "old MiB", "new MiB"))


def _targets(changes: Sequence[Change]) -> list[list[str]]:
    missed = [each.new for each in changes if each.misses_its_target]
    return [[*_names(row), f"{row.target}: {row.figure:.2f}" if row.figure is not None else ""] for row in missed]


def _names(row: Row) -> list[str]:
    *names, batch, size = row.key
    return [*map(str, names), str(batch), "×".join(map(str, size))]


def _measured(change: Change) -> list[str]:
    old, new = (row.ratio("eager") for row in (change.old, change.new))
    return [
        f"{change.old.ours.median * 1e3:.4g}",
        f"{change.new.ours.median * 1e3:.4g}",
        f"{change.ratio:.2f}",
        f"{change.corrected:.2f}",
        "–" if old is None or new is None else f"{old:.1f} → {new:.1f}",
    ]


def _mebibytes(row: Row) -> str:
    return f"{(row.memory['ours'] or 0) / 2**20:.1f}"


def _section(title: str, lines: Sequence[Sequence[str]], headings: Sequence[str] = ()) -> list[str]:
    if not lines:
        return []
    table = [list(line) for line in ([headings, *lines] if headings else lines)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in table]
    return ["", f"{title}: {len(lines)}", *(f"  {line.rstrip()}" for line in padded)]
