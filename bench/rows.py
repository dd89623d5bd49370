"""Rows of a benchmark, and how they are stored."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Times:
    """Seconds of one contender over the rounds: median, minimum and quartiles."""

    median: float
    minimum: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        """Summarise at least two rounds."""
        low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
        return cls(median, min(seconds), low, high)


@dataclass(frozen=True)
class Row:
    """What was measured of one case in one direction.

    Args:
        op: the op's public name.
        case: what is particular about the inputs.
        direction: "forward" or "backward".
        ours: times of the op.
        eager: times of eager PyTorch.
        compiled: times of the same under torch.compile; None where it was left out.
        eager_format: the memory format of features in which eager PyTorch was faster.
        bytes_moved: each input read once, each output written once.
        floor: seconds that a large copy takes for these bytes.
        memory: bytes at the peak of a call beyond what was there before it; None where it cannot be measured.
        memory_allowed: bytes of the outputs and of the scratch that the design allows; None where it has no say.
        target: what is asked, in words; None for nothing.
        figure: the value that the target is about.
        reached: whether it was reached.
    """

    op: str
    case: str
    direction: str
    ours: Times
    eager: Times
    compiled: Times | None
    eager_format: str
    bytes_moved: int
    floor: float
    memory: int | None
    memory_allowed: int | None
    target: str | None
    figure: float | None
    reached: bool | None

    @property
    def slower_than_compiled(self) -> bool:
        """Slower than torch.compile by more than both spread (quartiles)."""
        return self.compiled is not None and self.ours.low > self.compiled.high


@dataclass(frozen=True)
class Results:
    """One run of the benchmark: facts about the machine, the copy bandwidth in bytes a second, and the rows."""

    machine: dict[str, Any]
    bandwidth: float
    rows: list[Row]

    def store(self, path: Path) -> None:
        """Write as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read what `store` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        for row in stored["rows"]:
            for contender in ("ours", "eager", "compiled"):
                row[contender] = None if row[contender] is None else Times(**row[contender])
        return cls(stored["machine"], stored["bandwidth"], [Row(**row) for row in stored["rows"]])
