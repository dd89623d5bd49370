"""CSV files with a header: written the same everywhere, and read with errors that name line and column."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ptus.errors import UserError
from ptus.files import replacing

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A row of a CSV file, where it is, and what the user can do where it is malformed."""

    path: Path
    line: int
    cells: dict[str, str]
    mend: str

    def read(self, column: str, kind: Callable[[str], T], expected: str) -> T:
        """A cell as something else.

        Args:
            column: of the cell.
            kind: makes it of the text, and raises ValueError or ZeroDivisionError where it cannot.
            expected: what the cell should be, for the message.

        Raises:
            UserError: where it is not that.
        """
        try:
            return kind(self.cells[column])
        except (ValueError, ZeroDivisionError) as error:
            raise self.error(column, expected) from error

    def error(self, column: str, expected: str) -> UserError:
        """That a cell is not what is expected."""
        place = f"{self.path}, line {self.line}, column {column}"
        return UserError(f"{place}: expected {expected}, got {self.cells[column]!r}; {self.mend}")


def read_table(path: Path, columns: Sequence[str], mend: str) -> list[Row]:
    """The rows of a CSV file that begins with these columns; empty lines are left out.

    Args:
        path: of the file, UTF-8.
        columns: that its first line must name, in order.
        mend: what the user can do where it cannot be read.

    Raises:
        UserError: where there is no such file, it is not text, or a line has other columns, naming the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}; {mend}") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {mend}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8 ({error}); {mend}") from error
    wanted = ",".join(columns)
    if not lines or tuple(lines[0][1]) != tuple(columns):
        raise UserError(f"{path}, line 1: expected the columns {wanted}; {mend}")
    for line, cells in lines[1:]:
        if len(cells) != len(columns):
            raise UserError(f"{path}, line {line}: expected {len(columns)} columns, {wanted}, got {len(cells)}; {mend}")
    return [Row(path, line, dict(zip(columns, cells, strict=True)), mend) for line, cells in lines[1:]]


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header, the same bytes on every system; it appears whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    with replacing(path) as partial:
        partial.write_bytes(text.getvalue().encode())
