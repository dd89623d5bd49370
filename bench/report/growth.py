"""How time and memory grow with the batch and with the volume: the exponent, which must be about 1."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from bench.report.labels import in_full
from bench.rows import Row

Quantity = Literal["time", "memory"]
Variable = Literal["batch", "volume"]
Point = tuple[int, float]

MOST_EXPONENT = 1.15  # beyond it growth is not linear; caches that overflow alone bring about a tenth
VARYING = {"batch": ("batch",), "volume": ("size",)}  # the row's field that varies


@dataclass(frozen=True)
class Series:
    """One quantity of our op, and of eager PyTorch, in rows that differ in one variable only.

    Args:
        row: one of the rows.
        quantity: seconds, or bytes at the peak of a call.
        variable: samples a call, or points of the volume.
        ours: (size, value), ascending, with at least two different sizes.
        eager: the same of eager PyTorch, where it was measured.
    """

    row: Row
    quantity: Quantity
    variable: Variable
    ours: list[Point]
    eager: list[Point]

    @property
    def exponent(self) -> float:
        """Of our growth."""
        return exponent_of(self.ours)

    @property
    def eagers_exponent(self) -> float | None:
        """Of eager PyTorch's growth; None where fewer than two sizes of it were measured."""
        return exponent_of(self.eager) if _sizes(self.eager) > 1 else None

    @property
    def too_steep(self) -> bool:
        """Whether ours grows faster than linearly, beyond what caches explain."""
        return self.exponent > MOST_EXPONENT

    def __str__(self) -> str:
        """The growth in a line, with a warning where it is too fast."""
        eager = "" if self.eagers_exponent is None else f" (eager: {self.eagers_exponent:.2f})"
        what = (
            f"{in_full(self.row, VARYING[self.variable])}: {self.quantity} ~ {self.variable}^{self.exponent:.2f}{eager}"
        )
        warning = f"warning: faster than linear, the exponent is more than {MOST_EXPONENT}: " if self.too_steep else ""
        return f"{warning}{what}, {_sizes(self.ours)} sizes"


def exponent_of(points: Sequence[Point]) -> float:
    """The slope of log(value) over log(size), by least squares.

    Raises:
        ValueError: without two different sizes, or for sizes or values that are not positive.
    """
    if _sizes(points) < 2 or any(size <= 0 or value <= 0 for size, value in points):
        raise ValueError(f"an exponent needs two different sizes, and positive numbers, got {list(points)}")
    xs, ys = ([math.log(pair[position]) for pair in points] for position in (0, 1))
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x_mean) ** 2 for x in xs)


def series_of(rows: Sequence[Row], quantity: Quantity, variable: Variable) -> list[Series]:
    """Every series of rows whose batches (or volumes) differ and that are alike in all else.

    A case whose name ends in its height and width, "…, 128×128", is in all else the case of the name without them.
    """
    alike: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        fixed = row.size if variable == "batch" else (row.batch, len(row.size))
        alike[row.op, _case(row), row.direction, row.backend, row.dtype, row.memory_format, fixed].append(row)
    found = []
    for group in alike.values():
        ours, eager = (_points(group, name, quantity, variable) for name in ("ours", "eager"))
        if _sizes(ours) > 1:
            usual = min(group, key=lambda row: len(row.case))
            found.append(Series(usual, quantity, variable, ours, eager))
    return found


def _case(row: Row) -> str:
    return row.case.removesuffix(", " + "×".join(map(str, row.size[-2:])))


def _sizes(points: Sequence[Point]) -> int:
    return len({size for size, _ in points})


def _points(rows: Sequence[Row], contender: str, quantity: Quantity, variable: Variable) -> list[Point]:
    """What was measured; zeros (memory of an op that allocates nothing) have no logarithm and are left out."""
    points = []
    for row in rows:
        times = row.times.get(contender)
        value = row.memory.get(contender) if quantity == "memory" else None if times is None else times.median
        if value and value > 0:
            points.append((row.batch if variable == "batch" else prod(row.size), float(value)))
    return sorted(points)
