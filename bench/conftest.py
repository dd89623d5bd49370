"""`pytest bench`: every setting of a case in its op's usual form as a benchmark of pytest-benchmark."""

from collections.abc import Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from bench.device import DEVICES
from bench.harness import Harness
from bench.machine import copy_bandwidth
from bench.run import THREADS, chosen_backends
from bench.settings import Filters, Measure, Setting, select


class Replay:
    """A timer that shows seconds which the harness took, by a clock (a GPU's events) that pytest-benchmark has not."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time it shows, in seconds."""
        return self.now


REPLAY = Replay()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this benchmark's options."""
    group = parser.getgroup("ptus_kernels")
    group.addoption("--no-compile", action="store_true", help="leave out torch.compile, which takes the longest")
    group.addoption("--device", choices=sorted(DEVICES), default="cpu", help="where to measure")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a benchmark the settings of its module's cases."""
    device = metafunc.config.option.device
    backends, _ = chosen_backends(device, ())
    settings = select(metafunc.module.CASES, device, backends, Filters())
    usual = [setting for setting in settings if setting.departures == 0]
    ids = [f"{each.case.name}-{each.direction}-{each.backend}-batch {each.batch}" for each in usual]
    metafunc.parametrize("setting", usual, ids=ids)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure the ops first, then models; all by the harness's clock."""
    items.sort(key=lambda item: "model" in item.path.parts)
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=REPLAY))


@pytest.fixture(scope="session")
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """The harness of this run, with the copy bandwidth measured at its start."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    device = DEVICES[request.config.option.device](THREADS)
    yield Harness(device, copy_bandwidth(device), not request.config.option.no_compile)
    torch.set_num_threads(threads)


@pytest.fixture
def measure(benchmark: BenchmarkFixture, harness: Harness) -> Measure:
    """Measure a setting, and give pytest-benchmark the seconds of our op in each round, and the rest beside them."""

    def measure(setting: Setting) -> None:
        measured = harness.measure(setting)
        seconds = iter(measured.seconds)

        def next_round() -> None:
            REPLAY.now += next(seconds)

        benchmark.pedantic(next_round, rounds=len(measured.seconds))  # type: ignore[no-untyped-call]
        row = measured.row
        benchmark.extra_info |= {f"× {name}": row.ratio(name) for name in row.times if name != "ours"}
        benchmark.extra_info |= {"% of floor": 100 * row.share_of_floor, "absent": row.absent, "memory": row.memory}

    return measure
