"""spade_modulate beside enlarging, instance normalisation, a product, a sum and a leaky ReLU.

The floor is one reading of x, γ and β and one writing of the result: at a scale of 2 that is 13 numbers for each of x,
where eager PyTorch reads 33 and writes 24. Backward it is 22: the result's gradient is read too, and three are written.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import feature
from bench.settings import Measure, Setting
from bench.targets import Faster
from ptus_kernels import spade_modulate

STATISTICS, NORMALISED = (
    5,
    2,
)  # operations of a number of x: twice a difference and a sum, a square; its own normalising
MODULATED, MODULATED_BACKWARD = 4, 10  # of a number of the result
MARGIN = 1e-3  # of values to 0, where the leaky ReLU's slope jumps and rounding decides which gradient is right


def decoder_features(channels: int, side: int, scale: int, random: torch.Generator, batch: int) -> Inputs:
    """A feature and the maps that modulate it."""
    x = feature(random, batch, channels, (side, side))
    gamma, beta = (feature(random, batch, channels, (side * scale, side * scale)) for _ in range(2))
    enlarged = F.interpolate(F.instance_norm(x), scale_factor=scale, mode="nearest")
    near = (enlarged * (1 + gamma) + beta).abs() < MARGIN
    return {"x": x, "gamma": gamma, "beta": torch.where(near, beta + 2 * MARGIN, beta)}


def eager(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """The chain of the published decoder, where the size of the maps says how x is enlarged."""
    if gamma.shape != x.shape:
        x = F.interpolate(x, scale_factor=gamma.shape[3] / x.shape[3], mode="nearest")
    return F.leaky_relu(F.instance_norm(x) * (1 + gamma) + beta, 0.2)


def operations(inputs: Inputs) -> Operations:
    """Of the statistics, which the backward needs again, and of the modulation."""
    small, large = inputs["x"].numel(), inputs["gamma"].numel()
    forward = small * (STATISTICS + NORMALISED) + large * MODULATED
    return Operations(forward, small * (STATISTICS + 3 * NORMALISED) + large * MODULATED_BACKWARD)


def case_of(channels: int, side: int, scale: int, readme: tuple[str, ...] = ()) -> Case:
    """A layer of LivePortrait's decoder."""
    op = Op(
        "spade_modulate",
        ours=partial(spade_modulate, scale_factor=scale),
        eager=eager,
        features=("x", "gamma", "beta"),
        operations=operations,
    )
    return Case(
        op,
        f"{channels} × {side}²" + (f" to {scale * side}²" if scale > 1 else ""),
        (side * scale, side * scale),
        partial(decoder_features, channels, side, scale),
        asked=(Asked("forward", Faster(2)), Asked("backward", Faster(2))),
        readme=readme,
    )


CASES = [
    case_of(512, 64, 1),
    case_of(512, 64, 2),
    case_of(256, 128, 2, readme=("forward",)),
    case_of(64, 256, 1),
]


def bench_spade_modulate(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
