"""What the report shows, and in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.report.growth import Quantity, Variable
from bench.report.growth_pictures import growth
from bench.report.machines import machines
from bench.report.roofline import roofline
from bench.report.speedup import by_op, of_op
from bench.report.style import Picture
from bench.rows import Results
from bench.stored import machine_of

GROWTHS: tuple[tuple[Quantity, Variable], ...] = (
    ("time", "batch"),
    ("time", "volume"),
    ("memory", "batch"),
    ("memory", "volume"),
)


@dataclass(frozen=True)
class Section:
    """What the report shows of one run, or of several together.

    Args:
        title: its heading.
        prefix: of its pictures' files.
        lines: facts, a line each.
        pictures: in order.
        missing: why there is no picture of this or that, a line each.
        results: whose rows are the table at its end; None for no table.
    """

    title: str
    prefix: str
    lines: Sequence[str]
    pictures: Sequence[Picture]
    missing: Sequence[str]
    results: Results | None = None


def contents(loaded: dict[str, Results]) -> list[Section]:
    """The sections of a report on runs by their names: all side by side, then each by itself."""
    sections = []
    if len(loaded) > 1:
        pictures, missing = _sorted([machines(list(loaded.values()))])
        sections.append(Section("Machines side by side", "", [], pictures, missing))
    return sections + [_of_run(name, results) for name, results in loaded.items()]


def _of_run(name: str, results: Results) -> Section:
    ops = list(dict.fromkeys(row.op for row in results.rows))
    pictures, missing = _sorted(
        [
            by_op(results.rows),
            roofline(results),
            *(growth(results.rows, quantity, variable) for quantity, variable in GROWTHS),
            *(of_op(op, results.rows) for op in ops),
        ]
    )
    failed = [f"Not measured: {what}: {why}" for what, why in results.not_measured.items()]
    return Section(f"{name}: {machine_of(results)}", f"{name}-", facts(results), pictures, [*missing, *failed], results)


def facts(results: Results) -> list[str]:
    """What a figure means nothing without."""
    machine, peak = results.machine, results.peak_operations
    versions = f"PyTorch {machine['torch']}" + (f", Triton {machine['triton']}" if machine["triton"] else "")
    speeds = f"copy {results.bandwidth / 1e9:.3g} GB/s, " + (
        "peak not measured" if peak is None else f"float32 matrix product {peak / 1e9:.4g} GFLOP/s"
    )
    return [
        f"Measured on {machine['date']}, {versions}; {speeds}.",
        f"{len(results.rows)} rows. Times are medians over rounds in which all contenders take turns.",
    ]


def _sorted(shown: Iterable[Picture | str]) -> tuple[list[Picture], list[str]]:
    pictures, missing = [], []
    for each in shown:
        if isinstance(each, Picture):
            pictures.append(each)
        else:
            missing.append(each)
    return pictures, missing
