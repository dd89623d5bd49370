"""The stages of a model: what runs in which module, in both directions, and nothing twice."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.case import Inputs
from bench.device import Cpu
from bench.model.entry import Entry
from bench.model.stages import stages_of


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


def test_a_backward_belongs_to_its_forwards_stage() -> None:
    forward, _ = stages_of(ENTRY, Cpu(1), "reference", "forward")
    both, _ = stages_of(ENTRY, Cpu(1), "reference", "both")
    # The gradients of a convolution of 3 into 32 channels cost more than those of all else.
    gained = {stage: both.seconds[stage] - forward.seconds[stage] for stage in both.seconds}
    assert max(gained, key=lambda stage: gained[stage]) == "convolutions"


def test_an_entry_as_rows() -> None:
    case = ENTRY.to_case()
    assert case.directions == ("forward", "both")
    operations = case.op.operations(Cpu(1).draw(draw, 2, 0))
    assert operations.forward == 2 * 2 * 32 * 3 * 25 * 96 * 96
    assert operations.of("both") == 3 * operations.forward
