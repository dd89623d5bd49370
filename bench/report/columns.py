"""The columns of the report's table: everything that a row holds."""

from collections.abc import Callable, Sequence

from bench.rows import Row, Times

Column = tuple[str, Callable[[Row], str]]


def columns(rows: Sequence[Row]) -> list[Column]:
    """A heading and what to show of a row, for every column; contenders have one each."""
    contenders = list(dict.fromkeys(name for row in rows for name in row.times))
    others = [name for name in contenders if name != "ours"]
    return [
        ("op", lambda row: row.op),
        ("case", lambda row: row.case),
        ("direction", lambda row: row.direction),
        ("backend", lambda row: row.backend),
        ("type", lambda row: row.dtype),
        ("format", lambda row: row.memory_format),
        ("batch", lambda row: str(row.batch)),
        ("size", lambda row: "×".join(map(str, row.size))),
        *(_times(name) for name in ["ours", *others]),
        *(_ratio(name) for name in others),
        ("eager's format", lambda row: row.eager_format or "–"),
        ("GB/s", lambda row: f"{row.bytes_moved / row.ours.median / 1e9:.1f}"),
        ("GFLOP/s", lambda row: f"{row.operations / row.ours.median / 1e9:.1f}"),
        ("% of floor", lambda row: f"{100 * row.share_of_floor:.0f}"),
        ("peak bytes", lambda row: _bytes(row.memory.get("ours"))),
        ("allowed bytes", lambda row: _bytes(row.memory_allowed)),
        ("eager's peak bytes", lambda row: _bytes(row.memory.get("eager"))),
        ("target", _target),
    ]


def _times(name: str) -> Column:
    def show(row: Row) -> str:
        times: Times | None = row.times.get(name)
        if times is None:
            return row.absent.get(name, "–")
        return f"{times.median * 1e3:.3g} ({times.low * 1e3:.3g}–{times.high * 1e3:.3g})"

    return f"{name}, ms (quartiles)", show


def _ratio(name: str) -> Column:
    def show(row: Row) -> str:
        ratio = row.ratio(name)
        return "–" if ratio is None else f"{ratio:.1f}"

    return f"× {name}", show


def _bytes(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _target(row: Row) -> str:
    if row.figure is None:
        return row.target or "–"
    return f"{row.target}: {row.figure:.2f}, {'reached' if row.reached else 'missed'}"
