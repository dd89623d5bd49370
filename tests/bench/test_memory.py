"""The benchmark sees the memory that a call takes, and no more."""

import sys
from dataclasses import replace

import pytest
import torch

from bench.case import Case, bytes_of
from bench.memory import peak_memory
from bench.ops.bench_compose_motion import CASES as COMPOSE_MOTION
from bench.ops.bench_soft_argmax import CASES as SOFT_ARGMAX

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak"),
]

SLACK = 1 << 20  # the system counts pages, and threads count them in batches


def relu(logits: torch.Tensor) -> torch.Tensor:
    return torch.relu(logits)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_an_output_alone(direction: str) -> None:
    case: Case = replace(SOFT_ARGMAX[0], ours=relu)
    size = bytes_of(list(case.inputs().values()))
    assert size > 4 * SLACK
    assert peak_memory(case, direction) == pytest.approx(size, abs=SLACK)


def test_intermediates_count() -> None:
    case = replace(COMPOSE_MOTION[0], ours=COMPOSE_MOTION[0].eager)
    logits = case.inputs()["mask_logits"]
    peak = peak_memory(case, "forward")
    assert peak is not None and peak > 4 * bytes_of([logits])  # the masks, and three times their size in motions
