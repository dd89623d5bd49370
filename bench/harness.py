"""Measures one case in one direction: our op, eager PyTorch and torch.compile, round after round in turn."""

import time
from collections.abc import Callable

import torch
import torch._functorch.config
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.case import CACHED_BYTES, Case, Direction, PerSample, Prepared, bytes_of, in_memory_format, prepare
from bench.correctness import Expected
from bench.memory import peak_memory
from bench.rows import Row, Times

SECONDS_A_ROW = 2.5
FEWEST_ROUNDS, MOST_ROUNDS = 7, 41
WARM_UP = 2


def measure(
    case: Case, direction: Direction, benchmark: BenchmarkFixture, bandwidth: float, with_compile: bool = True
) -> Row:
    """Check the op against eager PyTorch, then time both.

    Args:
        case: what to measure.
        direction: "forward" or "backward".
        benchmark: pytest-benchmark's fixture, which times our op.
        bandwidth: of a large copy, in bytes a second.
        with_compile: whether torch.compile is measured too.

    Raises:
        WrongResultError: where our op, or torch.compile, does not compute what eager PyTorch computes.
    """
    what = f"{case.op}, {case.name}, {direction}"
    inputs = case.inputs()
    expected = Expected(case, inputs, direction)
    ours = prepare(case.ours, inputs, direction)
    found = ours.run()
    expected.refuse_wrong(f"{what}: ptus_kernels", found)

    eager_format, eager = _faster_format(case, direction)
    others = {"eager": eager}
    if with_compile:
        compiled = _compiled(case, in_memory_format(case, inputs, eager_format), direction)
        expected.refuse_wrong(f"{what}: torch.compile", compiled.run())
        others["compiled"] = compiled
    target = case.targets[direction]
    if isinstance(target, PerSample):
        others["beside"] = prepare(target.case.ours, target.case.inputs(), direction)

    read = [*inputs.values(), *ours.held[1:]]
    bytes_moved = bytes_of([*read, *found])
    memory_allowed = None
    if case.scratch is not None:
        memory_allowed = bytes_of(found) + case.scratch.get(direction, 0) + CACHED_BYTES
    del expected, found
    times = _in_turn(benchmark, ours, others)

    figure = reached = None
    if isinstance(target, PerSample):
        samples, samples_beside = _samples(inputs), _samples(target.case.inputs())
        figure = times["ours"].median / samples / (times["beside"].median / samples_beside)
        reached = figure <= target.times
    elif target is not None:
        figure = times["eager"].median / times["ours"].median
        reached = figure >= target.times
    return Row(
        op=case.op,
        case=case.name,
        direction=direction,
        ours=times["ours"],
        eager=times["eager"],
        compiled=times.get("compiled"),
        eager_format=eager_format,
        bytes_moved=bytes_moved,
        floor=bytes_moved / bandwidth,
        memory=peak_memory(case, direction),
        memory_allowed=memory_allowed,
        target=None if target is None else str(target),
        figure=figure,
        reached=reached,
    )


def _samples(inputs: dict[str, Tensor]) -> int:
    return next(iter(inputs.values())).shape[0]


def _faster_format(case: Case, direction: Direction) -> tuple[str, Prepared]:
    """Eager PyTorch in the memory format that suits it better."""
    candidates = {}
    for memory_format in ("contiguous", "channels last"):
        prepared = prepare(case.eager, in_memory_format(case, case.inputs(), memory_format), direction)
        candidates[memory_format] = (min(_seconds(prepared.run) for _ in range(4)), prepared)
    best = min(candidates, key=lambda name: candidates[name][0])
    return best, candidates[best][1]


def _compiled(case: Case, inputs: dict[str, Tensor], direction: Direction) -> Prepared:
    torch.compiler.reset()
    # Donated buffers would be overwritten, and a graph that is kept for another backward needs them.
    with torch._functorch.config.patch(donated_buffer=False):
        compiled = prepare(torch.compile(case.eager, dynamic=False), inputs, direction)
        compiled.run()
    return compiled


def _in_turn(benchmark: BenchmarkFixture, ours: Prepared, others: dict[str, Prepared]) -> dict[str, Times]:
    """Time every contender once a round, so that what disturbs the machine disturbs all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in others}
    fresh: list[list[Tensor]] = []

    def run_others() -> None:
        fresh.clear()
        for name, prepared in others.items():
            seconds[name].append(_seconds(prepared.run))

    def run_ours() -> None:
        fresh.append(ours.run())  # freed outside the time, as for the others

    a_round = sum(_seconds(prepared.run) for prepared in (ours, *others.values()))
    rounds = min(max(int(SECONDS_A_ROW / a_round), FEWEST_ROUNDS), MOST_ROUNDS)
    pedantic: Callable[..., object] = benchmark.pedantic
    pedantic(run_ours, setup=run_others, rounds=rounds, warmup_rounds=WARM_UP)
    times = {name: Times.of(taken[WARM_UP:]) for name, taken in seconds.items()}
    assert benchmark.stats is not None, "nothing is timed under --benchmark-disable"
    times["ours"] = Times.of(benchmark.stats.stats.data)
    return times


def _seconds(run: Callable[[], list[Tensor]]) -> float:
    start = time.perf_counter()
    result = run()
    end = time.perf_counter()
    del result
    return end - start
