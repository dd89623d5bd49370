"""`python -m bench run`: measures the rows that the filters leave, prints the table and writes it as JSON and CSV."""

import argparse
import importlib.util
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from bench.case import DIRECTIONS, DTYPES
from bench.cases import CASES, MODELS
from bench.correctness import WrongResultError
from bench.device import DEVICES, Device
from bench.export import write_csv
from bench.harness import Harness, Measured
from bench.machine import copy_bandwidth, facts, peak_operations
from bench.model.stages import stages_of
from bench.rows import Results
from bench.settings import Filters, Setting, select
from bench.table import models, terminal
from ptus.memory import keep_freed_memory
from ptus_kernels import library

THREADS = 2  # the CPU's targets are set for these
BACKENDS = {"cpu": ("cpu", "reference"), "cuda": ("cuda", "triton", "reference")}
README_SECONDS_A_ROW = 1.0
OUT_OF_TIME = "not begun within --seconds"
STOPPED = "not measured before the run was stopped"
STOPPED_STATUS = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 where a result was wrong or an op failed; 130 after Ctrl-C or SIGTERM, which keep what is measured.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    device_name = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device_name == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch finds no GPU")
    backends, problem = chosen_backends(device_name, options.backend)
    if problem:
        parser.error(f"--backend: {problem}")
    filters = Filters(options.op, options.case, options.direction, options.dtype, options.batch, options.readme)
    settings = select(CASES, device_name, backends, filters)
    if not settings:
        parser.error("no row passes these filters")

    keep_freed_memory()  # as `ptus` does: else the system clears new pages for every frame, ours and eager ones alike
    threads = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        device = DEVICES[device_name](options.threads)
        results = measure_all(settings, device, not options.no_compile, options.seconds, filters)
    finally:
        torch.set_num_threads(threads)
        signal.signal(signal.SIGTERM, before)

    for line in [*terminal(results), *models(results)]:
        print(line)
    if options.json:
        results.store(options.json)
    if options.csv:
        write_csv(results, options.csv)
    if STOPPED in results.not_measured.values():
        return STOPPED_STATUS
    return 1 if any(_failed(reason) for reason in results.not_measured.values()) else 0


def chosen_backends(device: str, asked: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The backends to measure on a device: those asked for, else all compiled ones that are there; or what is wrong."""
    there = {
        "cpu": library.HAS_CPU,
        "cuda": library.HAS_CUDA,
        "triton": importlib.util.find_spec("triton") is not None,
        "reference": True,
    }
    for backend in asked:
        if backend not in BACKENDS[device]:
            return (), f"expected some of {', '.join(BACKENDS[device])} on {device}, got {backend!r}"
        if not there[backend]:
            return (), f"{backend!r} is not built or not installed; see ptus_kernels.info()"
    compiled = tuple(name for name in BACKENDS[device] if there[name] and name != "reference")
    return tuple(asked) or compiled or ("reference",), None


def measure_all(
    settings: Sequence[Setting], device: Device, with_compile: bool, seconds: float | None, filters: Filters
) -> Results:
    """Measure in the order given, until the time is used up.

    Args:
        settings: the rows.
        device: where.
        with_compile: whether torch.compile is measured.
        seconds: no row is begun after these; None for no limit.
        filters: what was asked for.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    results = Results(facts(device), copy_bandwidth(device), peak_operations(device))
    harness = Harness(device, results.bandwidth, with_compile)
    if filters.readme:
        harness = Harness(device, results.bandwidth, with_compile, README_SECONDS_A_ROW, with_compiled_models=False)
    try:
        measure_rows(settings, harness.measure, results, deadline)
        measure_stages(settings, device, results, deadline)
    except KeyboardInterrupt:
        measured = {row.key for row in results.rows}
        left = [str(setting) for setting in settings if setting.key not in measured]
        for name in [*left, "the rest of the run"]:
            results.not_measured.setdefault(name, STOPPED)
    return results


def measure_rows(
    settings: Sequence[Setting], measure: Callable[[Setting], Measured], results: Results, deadline: float | None
) -> None:
    """Measure each setting into `results`, where what fails or comes too late is listed with the reason."""
    with tqdm(settings, desc="rows", unit="row", disable=None) as progress:
        for setting in progress:
            if deadline is not None and time.monotonic() > deadline:
                results.not_measured[str(setting)] = OUT_OF_TIME
                continue
            progress.set_postfix_str(str(setting))
            try:
                results.rows.append(measure(setting).row)
            except WrongResultError as error:
                results.not_measured[str(setting)] = f"wrong result: {error}"
            except Exception as error:  # one op that fails does not hide the others, and is listed
                results.not_measured[str(setting)] = f"{type(error).__name__}: {error}"
            if setting.device == "cuda":
                torch.cuda.empty_cache()
    order = {setting.key: place for place, setting in enumerate(sorted(settings, key=lambda each: each.case.op.name))}
    results.rows.sort(key=lambda row: order[row.key])


def _failed(reason: str) -> bool:
    return reason != OUT_OF_TIME


def measure_stages(settings: Sequence[Setting], device: Device, results: Results, deadline: float | None) -> None:
    """Profile the models among the settings, in their usual form, into `results`."""
    for entry in MODELS:
        wanted = {
            (setting.backend, setting.direction): None
            for setting in settings
            if setting.case.op.name == entry.name and setting.batch == 1 and setting.departures == 0
        }
        for backend, direction in wanted:
            name = f"{entry.name}, stages, {direction}, {backend}"
            if deadline is not None and time.monotonic() > deadline:
                results.not_measured[name] = OUT_OF_TIME
                continue
            try:
                results.stages.extend(stages_of(entry, device, backend, direction))
            except Exception as error:  # the rows are there, and are not lost for it
                results.not_measured[name] = f"{type(error).__name__}: {error}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures ops and models against eager PyTorch, torch.compile and others.",
    )
    operators = sorted({case.op.name for case in CASES})
    add = parser.add_argument
    add("--op", type=_some_of(operators), default=(), metavar="OP,…", help=", ".join(operators))
    add("--case", type=_listed, default=(), metavar="PART,…", help="cases whose name contains one of these")
    add("--direction", type=_some_of(DIRECTIONS), default=(), metavar="DIRECTION,…", help=", ".join(DIRECTIONS))
    add("--dtype", type=_some_of(DTYPES), default=(), metavar="TYPE,…", help=", ".join(DTYPES))
    add("--batch", type=_batches, default=(), metavar="N,…", help="samples a call")
    add("--device", choices=sorted(DEVICES), help="a GPU where there is one, unless given")
    add("--backend", type=_listed, default=(), metavar="BACKEND,…", help="all that are built there, unless given")
    add("--readme", action="store_true", help="only the rows of README's table, in about two minutes on two cores")
    add("--no-compile", action="store_true", help="leave out torch.compile, which takes the longest")
    add("--threads", type=_positive, default=THREADS, metavar="N", help="of the CPU; the targets are set for 2")
    add("--seconds", type=float, metavar="S", help="begin no row after these; the most important come first")
    add("--json", type=Path, metavar="FILE", help="write the results, for README's table and comparisons")
    add("--csv", type=Path, metavar="FILE", help="write the rows, one a line")
    return parser


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _some_of(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        given = _listed(text)
        for name in given:
            if name not in names:
                raise argparse.ArgumentTypeError(f"expected some of {', '.join(names)}, got {name!r}")
        return given

    return parse


def _positive(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def _batches(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in _listed(text))
