"""An op small enough to be measured in a moment, and devices with clocks of their own."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.case import Case, Inputs, Op, Operations
from bench.device import Cpu, Run
from bench.harness import Harness
from bench.settings import Setting

SIZE = (4, 6)


def product(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def draw(random: torch.Generator, batch: int) -> Inputs:
    return {name: torch.randn(batch, 2, *SIZE, generator=random, device=random.device) for name in ("a", "b")}


def operations(inputs: Inputs) -> Operations:
    return Operations(inputs["a"].numel(), 2 * inputs["a"].numel())


OP = Op("product", product, product, ("a", "b"), operations)
CASE = Case(OP, "small", SIZE, draw)
SETTING = Setting(CASE, "forward", "reference")


def setting_of(op: Op, direction: str = "forward") -> Setting:
    return replace(SETTING, case=replace(CASE, op=op), direction=direction)


class Ticking(Cpu):
    """A processor where every call takes a millisecond, by its own clock; the calls are made."""

    cache_bytes = 1 << 10

    def seconds(self, runs: Sequence[Run]) -> float:
        for run in runs:
            run()
        return 1e-3


class Untimed(Cpu):
    """A processor on which nothing may be timed."""

    def seconds(self, runs: Sequence[Run]) -> float:
        raise AssertionError("it was timed")


HARNESS = Harness(Ticking(2), 1e10, with_compile=False, seconds_a_row=1e-3)
