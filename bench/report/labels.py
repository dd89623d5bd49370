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

    Where nothing is left, what a row is the case of.
    """
    shown = [
        show
        for name, show in _FIELDS.items()
        if name not in without and (name == "direction" or len({show(row) for row in rows}) > 1)
    ]
    return [", ".join(show(row) for show in shown or [_FIELDS["case"]]) for row in rows]
