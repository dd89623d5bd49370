"""What is asked of a row, and how far it is from that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.rows import Row


class Target(Protocol):
    """Something asked of a row's speed; in words as a string."""

    def figure(self, row: Row, beside: float | None) -> float | None:
        """The value it is about; None where the row lacks the contender.

        Args:
            row: without its targets.
            beside: seconds a sample of the row that it is compared with.
        """

    def margin(self, figure: float) -> float:
        """At least 1 where the target is reached."""


@dataclass(frozen=True)
class Faster:
    """At least `times` as fast as a contender."""

    times: float
    contender: str = "eager"

    def __str__(self) -> str:
        """As the table says it."""
        return f"≥ {self.times:g} × {self.contender}"

    def figure(self, row: Row, beside: float | None) -> float | None:
        """How many times as fast."""
        return row.ratio(self.contender)

    def margin(self, figure: float) -> float:
        """As `Target.margin`."""
        return figure / self.times


@dataclass(frozen=True)
class OfFloor:
    """At least this share of the speed of a large copy, for the bytes that must move."""

    percent: float

    def __str__(self) -> str:
        """As the table says it."""
        return f"≥ {self.percent:g} % of floor"

    def figure(self, row: Row, beside: float | None) -> float | None:
        """The percentage."""
        return 100 * row.share_of_floor

    def margin(self, figure: float) -> float:
        """As `Target.margin`."""
        return figure / self.percent


@dataclass(frozen=True)
class PerSample:
    """A sample takes at most `times` as long as in float32 at batch 1, which is timed in the same rounds."""

    times: float

    def __str__(self) -> str:
        """As the table says it."""
        return f"≤ {self.times:g} × float32 at batch 1, a sample"

    def figure(self, row: Row, beside: float | None) -> float | None:
        """How many times as long."""
        return None if beside is None else row.ours.median / row.batch / beside

    def margin(self, figure: float) -> float:
        """As `Target.margin`."""
        return self.times / figure


@dataclass(frozen=True)
class Rate:
    """At least so many samples a second, frames of a model."""

    frames: float

    def __str__(self) -> str:
        """As the table says it."""
        return f"≥ {self.frames:g} frames a second"

    def figure(self, row: Row, beside: float | None) -> float | None:
        """How many there are."""
        return row.batch / row.ours.median

    def margin(self, figure: float) -> float:
        """As `Target.margin`."""
        return figure / self.frames


GPU_BATCH = 16
GPU_PERCENT_OF_FLOOR: Mapping[str, float] = {"forward": 80, "backward": 55}
GPU_TIMES_COMPILED = 2


@dataclass(frozen=True)
class Judged:
    """A row's targets with its figures: all of them, and the one furthest from being reached."""

    figures: dict[str, float]
    target: str | None
    figure: float | None
    reached: bool | None


def judge(row: Row, targets: Sequence[Target], beside: float | None = None) -> Judged:
    """Hold a row against its targets; one whose contender is absent is named without a figure if it is the only one."""
    measured = {target: figure for target in targets if (figure := target.figure(row, beside)) is not None}
    figures = {str(target): figure for target, figure in measured.items()}
    if not measured:
        return Judged(figures, ", ".join(map(str, targets)) or None, None, None)
    worst = min(measured, key=lambda target: target.margin(measured[target]))
    return Judged(figures, str(worst), measured[worst], worst.margin(measured[worst]) >= 1)
