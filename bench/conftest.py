"""`pytest bench`: options, the fixture that measures, and the table at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.case import THREADS, Case, Direction
from bench.harness import measure as measure_row
from bench.machine import copy_bandwidth, facts
from bench.rows import Results
from bench.table import terminal

_results = pytest.StashKey[Results]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this benchmark's options."""
    group = parser.getgroup("ptus_kernels")
    group.addoption("--store", type=Path, metavar="FILE", help="write the rows as JSON, for README's table")
    group.addoption("--no-compile", action="store_true", help="leave out torch.compile, which takes the longest")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to store a table with a column missing."""
    if config.option.store and config.option.no_compile:
        raise pytest.UsageError("--store needs every column: leave out --no-compile")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure the ops first, then models."""
    items.sort(key=lambda item: "model" in item.path.parts)


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """The rows of this run, and the copy bandwidth measured at its start."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    collected = Results(facts(), copy_bandwidth(), [])
    request.config.stash[_results] = collected
    yield collected
    torch.set_num_threads(threads)


@pytest.fixture
def measure(
    request: pytest.FixtureRequest, benchmark: BenchmarkFixture, results: Results
) -> Callable[[Case, Direction], None]:
    """Measure a case in one direction, and keep the row."""

    def measure(case: Case, direction: Direction) -> None:
        with_compile = not request.config.option.no_compile
        results.rows.append(measure_row(case, direction, benchmark, results.bandwidth, with_compile))

    return measure


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and store it if asked."""
    collected = config.stash.get(_results, None)
    if collected is None or not collected.rows:
        return
    terminalreporter.section("benchmark")
    for line in terminal(collected):
        terminalreporter.write_line(line)
    if config.option.store:
        collected.store(config.option.store)
        terminalreporter.write_line(f"stored in {config.option.store}")
