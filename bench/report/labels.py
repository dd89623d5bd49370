"""Rows in words, as short as tells them apart."""

from collections.abc import Callable, Collection, Sequence

from bench.rows import Row

_FIELDS: dict[str, Callable[[Row], str]] = {
    "case": lambda row: row.case,
    "direction": lambda row: row.direction,
    "dtype": lambda row: row.dtype,
    "memory_format": lambda row: row.memory_format,
    "backend": lambda row: row.backend,
    "batch": lambda row: f"batch {row.batch}",
    "size": lambda row: "×".join(map(str, row.size)),
}


def in_full(row: Row, without: Collection[str] = ()) -> str:
    """The op and everything that makes the row what it is, but for the fields `without`."""
    return ", ".join([row.op, *(show(row) for name, show in _FIELDS.items() if name not in without)])


def apart(rows: Sequence[Row], without: Collection[str] = ()) -> list[str]:
    """For each row of one op its direction and what others among them do not have, but for the fields `without`.

    The size is left out where the rest tells them apart as well. Where nothing is left, what a row is the case of.
    """
    shown = [
        name
        for name, show in _FIELDS.items()
        if name not in without and (name == "direction" or len({show(row) for row in rows}) > 1)
    ]
    names, shorter = (_in_words(rows, each) for each in (shown, [name for name in shown if name != "size"]))
    return shorter if len(set(shorter)) == len(set(names)) else names


def _in_words(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    return [", ".join(_FIELDS[name](row) for name in fields or ["case"]) for row in rows]
