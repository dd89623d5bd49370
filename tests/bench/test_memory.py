"""The benchmark sees the memory that a call takes, and no more."""

import sys
from dataclasses import replace

import pytest
import torch

from bench.device import Cpu
from bench.memory import CACHED_BYTES, memory_allowed, peak_memory
from bench.ops.bench_compose_motion import CASES as COMPOSE_MOTION
from bench.ops.bench_grid_sample import CASES as GRID_SAMPLE
from bench.ops.bench_soft_argmax import CASES as SOFT_ARGMAX
from bench.prepare import bytes_of
from bench.settings import Setting

pytestmark = pytest.mark.once
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak")

SLACK = 1 << 20  # the system counts pages, and threads count them in batches
DEVICE = Cpu(2)


def relu(logits: torch.Tensor) -> torch.Tensor:
    return torch.relu(logits)


@linux
@pytest.mark.parametrize(("direction", "times"), [("forward", 1), ("backward", 1), ("both", 2)])
def test_results_alone(direction: str, times: int) -> None:
    case = SOFT_ARGMAX[0]
    setting = Setting(replace(case, op=replace(case.op, ours=relu)), direction, "reference")
    size = bytes_of(list(DEVICE.draw(case.draw, 1, 0).values()))
    assert size > 4 * SLACK
    assert peak_memory(setting, "ours", "contiguous", DEVICE) == pytest.approx(times * size, abs=SLACK)


@linux
def test_intermediates_count() -> None:
    setting = Setting(COMPOSE_MOTION[0], "forward", "cpu")
    logits = DEVICE.draw(setting.case.draw, 1, 0)["mask_logits"]
    eager, ours = (peak_memory(setting, form, "contiguous", DEVICE) for form in ("eager", "ours"))
    assert eager is not None and eager > 4 * bytes_of([logits])  # the masks, and three times their size in motions
    assert ours is not None and ours < bytes_of([logits])


def test_what_the_design_allows() -> None:
    setting = Setting(GRID_SAMPLE[0], "forward", "cpu", batch=2)
    inputs = DEVICE.draw(setting.case.draw, 2, 0)
    base = memory_allowed(setting, inputs, 1000, 2)
    assert base == 1000 + bytes_of([inputs["input"][:1]]) + 2 * CACHED_BYTES
    last = replace(setting, memory_format="channels last")
    assert memory_allowed(last, inputs, 1000, 2) == 1000 + 2 * CACHED_BYTES
    half = replace(last, dtype="bfloat16", direction="backward")
    assert memory_allowed(half, inputs, 1000, 2) == 1000 + 4 * inputs["input"].numel() + 2 * CACHED_BYTES
