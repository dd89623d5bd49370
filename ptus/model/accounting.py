"""What a model costs: parameters, and floating-point operations of a driving frame."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ptus.model.config import ModelConfig
from ptus.model.model import PTUS


@dataclass(frozen=True)
class Part:
    """A part of a model.

    Args:
        name: the module's.
        parameters: how many numbers are learned.
        source_flops: floating-point operations (2 × multiply-adds of convolutions and products) once a source.
        frame_flops: the same for every driving frame.
    """

    name: str
    parameters: int
    source_flops: int
    frame_flops: int


def parts(config: ModelConfig) -> list[Part]:
    """Every part of a model, in the order it runs, then their sum."""
    with torch.device("meta"):
        model = PTUS(config).eval()
        pictures = torch.empty(1, 3, config.size, config.size)
        boxes = torch.empty(1, 4)
    with torch.no_grad(), FlopCounterMode(display=False) as of_source:
        appearance = model.encode(pictures)
    with torch.no_grad(), FlopCounterMode(display=False) as of_frame:
        motion = model.estimate(pictures, boxes)
        model.render(appearance, motion, motion)

    def flops(counter: FlopCounterMode, part: nn.Module) -> int:
        return sum(counter.get_flop_counts().get(type(part).__name__, {}).values())

    listed = [
        Part(
            name,
            sum(parameter.numel() for parameter in module.parameters()),
            flops(of_source, module),
            flops(of_frame, module),
        )
        for name, module in model.named_children()
    ]
    total = Part(
        "all",
        sum(part.parameters for part in listed),
        sum(part.source_flops for part in listed),
        sum(part.frame_flops for part in listed),
    )
    return [*listed, total]
