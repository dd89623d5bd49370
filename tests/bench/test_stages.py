"""The stages of a model: what runs in which module, in both directions, and nothing twice."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from bench.case import Inputs
from bench.device import Cpu
from bench.model.entry import Entry
from bench.model.stages import by_stage, marked, stages_of
from bench.prepare import prepare


class Network(nn.Module):
    """A convolution in a block, then a product."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 32, 5, padding=2), nn.ReLU())

    def forward(self, picture: Tensor) -> Tensor:
        return F.softplus(self.block(picture))


def draw(random: torch.Generator, batch: int) -> Inputs:
    return {"picture": torch.randn(batch, 3, 96, 96, generator=random)}


STAGES = {nn.Conv2d: "convolutions", nn.Sequential: "rest of the block"}
ENTRY = Entry("network", "small", Network(), Network(), (96, 96), draw, ("picture",), STAGES, "outside")


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_each_stage_has_its_time(direction: str) -> None:
    ours, eager = stages_of(ENTRY, Cpu(1), "reference", direction)
    for found in (ours, eager):
        assert (found.model, found.direction) == ("network", direction)
        assert found.seconds.keys() == {"convolutions", "rest of the block", "outside"}
        assert all(seconds > 0 for seconds in found.seconds.values())


class Timed:
    """An event of the profiler that took a second if it is of this name, otherwise nothing."""

    def __init__(self, event: FunctionEvent, name: str) -> None:
        self.event = event
        self.self_cpu_time_total = 1e6 if event.name == name else 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.event, name)


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("aten::convolution_backward", "convolutions"),
        ("aten::threshold_backward", "rest of the block"),
        ("aten::softplus_backward", "outside"),
        ("aten::softplus", "outside"),
    ],
)
def test_a_backward_belongs_to_its_forwards_stage(name: str, stage: str) -> None:
    with marked(ENTRY.ours, STAGES):
        prepared = prepare(ENTRY.ours, Cpu(1).draw(draw, 1, 0), "both")
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            prepared.run()
    events = profiler.events()
    assert events is not None
    timed: list[Any] = [Timed(event, name) for event in events]
    assert {stage for stage, seconds in by_stage(timed, "outside", on_gpu=False).items() if seconds} == {stage}


def test_an_entry_as_rows() -> None:
    case = ENTRY.to_case()
    assert case.directions == ("forward", "both")
    operations = case.op.operations(Cpu(1).draw(draw, 2, 0))
    assert operations.forward == 2 * 2 * 32 * 3 * 25 * 96 * 96
    assert operations.of("both") == 3 * operations.forward
