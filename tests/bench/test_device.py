"""How calls are put together for a clock; a GPU's clock itself needs a GPU."""

import time

import pytest
import torch

from bench.device import Cpu, Cuda
from bench.machine import copy_bandwidth, facts, peak_operations


@pytest.mark.parametrize(("seconds", "copies", "calls"), [(1e-3, 1, 6), (1e-3, 4, 8), (1.0, 3, 3), (1e-9, 7, 406)])
def test_a_gpu_times_enough_calls_and_all_copies_alike(seconds: float, copies: int, calls: int) -> None:
    assert Cuda(2).calls(seconds, copies) == calls


def test_the_processor_times_calls_one_by_one() -> None:
    def wait() -> list[torch.Tensor]:
        time.sleep(0.01)
        return []

    assert Cpu(2).calls(1e-6, 5) == 1
    assert Cpu(2).seconds([wait, wait]) >= 0.01


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    def draw(random: torch.Generator, batch: int) -> dict[str, torch.Tensor]:
        return {"a": torch.randn(batch, 3, generator=random)}

    first, again, other = (Cpu(2).draw(draw, 4, seed)["a"] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_machine_is_known() -> None:
    known = facts(Cpu(3))
    assert (known["gpu"], known["device"], known["threads"]) == (None, "cpu", 3)
    assert known["cpu"] and known["torch"] == torch.__version__


@pytest.mark.once
def test_bandwidth_and_operations_are_plausible() -> None:
    assert 1e7 < copy_bandwidth(Cpu(2)) < 1e13
    assert 1e8 < peak_operations(Cpu(2)) < 1e16
