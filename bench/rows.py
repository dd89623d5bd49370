"""Rows of a benchmark, and how they are stored: the one schema that everything reads and writes."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.schema import MalformedError, build
from ptus.files import replacing

SCHEMA = 2
FEW_PAGES = 16 << 10  # bytes: the operating system counts pages, and finds one more or fewer in a call that takes none

Key = tuple[str, str, str, str, str, str, int, tuple[int, ...]]


@dataclass(frozen=True)
class Times:
    """Seconds of one contender over the rounds: median, minimum and quartiles.

    Args:
        median: of the rounds, as `low` (first quartile), `high` (third quartile) and `minimum`.
        rounds: how many were timed; None where that was not kept.
    """

    median: float
    minimum: float
    low: float
    high: float
    rounds: int | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        """Summarise at least two rounds."""
        low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
        return cls(median, min(seconds), low, high, len(seconds))


@dataclass(frozen=True)
class Row:
    """What was measured of one case in one direction, type, memory format, batch and backend.

    Args:
        op: the op's public name, or a model's.
        case: what is particular about the inputs.
        direction: "forward" (no graph), "backward" (alone, on a graph made before) or "both".
        backend: which of our kernels ran: "cpu", "cuda", "triton" or "reference".
        dtype: of the features, as torch names it: "float32", "bfloat16", …
        memory_format: of the features as ours reads them: "contiguous" or "channels last".
        batch: samples a call.
        size: (D, H, W) or (H, W) of the output, or of the volume that is read where the output has no such size; of
            splines, which have no grid, (K, P): how many, of how many points.
        times: by contender: "ours", "eager" (PyTorch, as published), "compiled" (the same under torch.compile),
            and others by their names; "ours" is always there.
        absent: why a contender that belongs to the row has no times, by its name.
        eager_format: the memory format of features in which eager PyTorch was faster; None where there is no eager.
        bytes_moved: each input read once, each output written once.
        operations: floating-point operations of the work, however it is done.
        floor: seconds that a large copy takes for `bytes_moved`: the time predicted for a kernel that only moves.
        memory: bytes at the peak of a call beyond what was there before it, of "ours" and "eager"; None where unknown.
        memory_allowed: bytes of the outputs and of the scratch that the design allows; None where it has no say.
        target: what is asked, in words; None for nothing. Of several, the one furthest from being reached.
        figure: the value that the target is about; None where its contender is absent.
        reached: whether it was reached.
        figures: of all targets, by their words.
        readme: whether README's table shows it.
    """

    op: str
    case: str
    direction: str
    backend: str
    dtype: str
    memory_format: str
    batch: int
    size: tuple[int, ...]
    times: dict[str, Times]
    eager_format: str | None
    bytes_moved: int
    operations: int
    floor: float
    memory: dict[str, int | None]
    memory_allowed: int | None
    target: str | None = None
    figure: float | None = None
    reached: bool | None = None
    figures: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    readme: bool = False

    def __post_init__(self) -> None:
        """Refuse a row of another's times alone."""
        if "ours" not in self.times:
            raise MalformedError(f"times: expected 'ours' among the contenders, got {sorted(self.times)}")

    @property
    def key(self) -> Key:
        """What makes two rows, perhaps of two runs, comparable."""
        return (
            self.op,
            self.case,
            self.direction,
            self.backend,
            self.dtype,
            self.memory_format,
            self.batch,
            self.size,
        )

    @property
    def ours(self) -> Times:
        """Times of the op."""
        return self.times["ours"]

    @property
    def slower_than_compiled(self) -> bool:
        """Slower than torch.compile by more than both spread (quartiles)."""
        compiled = self.times.get("compiled")
        return compiled is not None and self.ours.low > compiled.high

    def ratio(self, contender: str) -> float | None:
        """How many times as long as ours a contender takes, by medians; None without times of it."""
        times = self.times.get(contender)
        return None if times is None else times.median / self.ours.median

    @property
    def share_of_floor(self) -> float:
        """The floor over our median: 1 for a kernel that moves its bytes as fast as a copy."""
        return self.floor / self.ours.median

    @property
    def memory_ratio(self) -> float | None:
        """Eager PyTorch's peak memory over ours; None where either is unknown, or ours is nothing but a few pages."""
        ours, eager = self.memory.get("ours"), self.memory.get("eager")
        return None if ours is None or ours <= FEW_PAGES or eager is None else eager / ours


@dataclass(frozen=True)
class Stages:
    """Where the time of one model's call goes.

    Args:
        model: the model, as in the rows' `op`.
        form: "ours" or "eager".
        direction: "forward" (a frame) or "both" (a training step).
        seconds: of a call, by stage; they add up to the call.
    """

    model: str
    form: str
    direction: str
    seconds: dict[str, float]


@dataclass(frozen=True)
class Results:
    """One run of the benchmark.

    Args:
        machine: "cpu", "gpu" (None without one), "device" ("cpu" or "cuda": what was measured), "threads",
            "capability" (of the CPU kernels, or of the GPU), "torch", "triton" (None without it), "date"; perhaps a
            "note" on how the figures came about.
        bandwidth: bytes a second, read and written, of a large copy on the device.
        peak_operations: float32 operations a second of a large matrix product on the device; None if not measured.
        rows: what was measured.
        stages: where the models' time goes.
        not_measured: rows that were asked for and are missing, with the reason.
    """

    machine: dict[str, Any]
    bandwidth: float
    peak_operations: float | None = None
    rows: list[Row] = field(default_factory=list)
    stages: list[Stages] = field(default_factory=list)
    not_measured: dict[str, str] = field(default_factory=dict)

    def store(self, path: Path) -> None:
        """Write as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = {"schema": SCHEMA, **asdict(self)}
        with replacing(path) as partial:
            partial.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read what `store` wrote.

        Raises:
            MalformedError: for a file that is something else, naming the file, the place in it, and what was expected.
        """
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise MalformedError(f"{path}: expected JSON: {error}") from None
        if not isinstance(stored, dict) or stored.pop("schema", None) != SCHEMA:
            raise MalformedError(f'{path}: expected the results of a benchmark with "schema": {SCHEMA}')
        try:
            results: Results = build(cls, stored)
        except MalformedError as error:
            raise MalformedError(f"{path}: {error}") from None
        missing = {"cpu", "gpu", "device", "threads", "capability", "torch", "triton", "date"} - results.machine.keys()
        if missing:
            raise MalformedError(f"{path}: machine: {', '.join(sorted(missing))} missing")
        return results
