"""Writes what `backend="auto"` goes by on a GPU from a result of the benchmark: `python -m bench.record RESULTS`."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import geometric_mean

from bench.rows import Results
from ptus.files import replacing
from ptus_kernels.measurements import BACKENDS, DIRECTIONS, DTYPES, FOLDER, Record
from ptus_kernels.registration import OPS

DIGITS = 3  # more would be noise


def record_of(results: Results) -> Record:
    """The record of a result: of each op, direction and type the geometric mean over the cases that both backends ran.

    Raises:
        ValueError: for a result that is not of a GPU, or in which no case ran on both backends.
    """
    machine = results.machine
    if machine["device"] != "cuda" or machine["gpu"] is None:
        raise ValueError(f"expected the result of a GPU, got one of {machine['device']!r}")
    milliseconds: dict[tuple[object, ...], dict[str, float]] = defaultdict(dict)  # by case, backend
    for row in results.rows:
        if row.op in OPS and row.direction in DIRECTIONS and row.dtype in DTYPES and row.backend in BACKENDS:
            case: tuple[object, ...] = (
                row.op,
                row.direction,
                row.dtype,
                row.case,
                row.memory_format,
                row.batch,
                row.size,
            )
            milliseconds[case][row.backend] = 1000 * row.times["ours"].median
    of_both: dict[tuple[object, ...], list[dict[str, float]]] = defaultdict(list)
    for case, times in milliseconds.items():
        if times.keys() == set(BACKENDS):
            of_both[case[:3]].append(times)
    if not of_both:
        raise ValueError(f"expected cases that ran on {' and '.join(BACKENDS)}, found none")
    means: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for (op, direction, dtype), cases in of_both.items():
        of_type = means.setdefault(str(op), {}).setdefault(str(direction), {}).setdefault(str(dtype), {})
        for backend in BACKENDS:
            of_type[backend] = float(f"{geometric_mean(times[backend] for times in cases):.{DIGITS}g}")
    return Record(machine["gpu"], machine["torch"], machine["triton"], machine["date"], means)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the record beside the others of the package."""
    parser = argparse.ArgumentParser(prog="python -m bench.record", description=__doc__)
    parser.add_argument("results", type=Path, help="what the benchmark stored")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where records are kept")
    asked = parser.parse_args(arguments)
    try:
        record = record_of(Results.load(asked.results))
    except (OSError, ValueError) as error:
        sys.exit(f"{asked.results}: {error}")
    path = asked.folder / record.file_name
    with replacing(path) as partial:
        partial.write_text(record.text(), encoding="utf-8")
    fastest = record.fastest().values()
    counts = ", ".join(f"{backend} the faster in {[*fastest].count(backend)}" for backend in BACKENDS)
    print(f"{path}: {len(fastest)} of op, direction and type; {counts}")


if __name__ == "__main__":
    main()
