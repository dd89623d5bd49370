"""What a whole model declares: the model on the ops, the same in eager form, its inputs, and its stages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.case import Asked, Case, Inputs, Op, Operations
from bench.prepare import own, prepare


@dataclass(frozen=True)
class Entry:
    """A model of the benchmark.

    Args:
        name: of the model.
        case: what is particular about these inputs.
        ours: the model with the fused ops.
        eager: the same in eager PyTorch, with the same parameters.
        size: (D, H, W) or (H, W), for the row.
        draw: its inputs by argument name, from random numbers and a batch size.
        features: the inputs that have channels.
        stages: a stage's name by the type of module whose time it takes, inner modules first served.
        outside: the stage of what runs in none of those modules.
        directions: "forward" for a frame, "both" for a training step.
        dtypes: of the features in which it is measured.
        readme: whether README's table shows its frames.
        asked: targets on the CPU.
        checked_in: as a case's.
    """

    name: str
    case: str
    ours: nn.Module
    eager: nn.Module
    size: tuple[int, ...]
    draw: Callable[[torch.Generator, int], Inputs]
    features: tuple[str, ...]
    stages: Mapping[type[nn.Module], str]
    outside: str
    directions: tuple[str, ...] = ("forward", "both")
    dtypes: tuple[str, ...] = ("float32",)
    readme: bool = True
    asked: Sequence[Asked] = ()
    checked_in: str = "float64"

    def to_case(self) -> Case:
        """As rows: "forward" is a frame, "both" a training step (forward and backward in training mode)."""
        op = Op(
            self.name,
            self.ours,
            self.eager,
            self.features,
            self._operations,
            limits_memory=False,
        )
        return Case(
            op,
            self.case,
            self.size,
            self.draw,
            asked=self.asked,
            directions=self.directions,
            readme=("forward",) if self.readme else (),
            dtypes=self.dtypes,
            checked_in=self.checked_in,
        )

    def _operations(self, inputs: Inputs) -> Operations:
        """Of convolutions and matrix products, which are nearly all; their backward has two products as large."""
        prepared = prepare(own(self.eager), inputs, "forward")
        with FlopCounterMode(display=False) as counter:
            prepared.run()
        return Operations(counter.get_total_flops(), 2 * counter.get_total_flops())
