"""occlusion_blend beside resizing, a sigmoid, products and a sum."""

from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import feature
from bench.settings import Measure, Setting
from bench.targets import Faster
from ptus_kernels import occlusion_blend

CHANNELS, SIDE = 128, 128
MAP = 10  # operations of a pixel of the map: resizing at known weights, the sigmoid


def feature_maps(random: torch.Generator, batch: int) -> Inputs:
    """Two feature maps, and the logits of an occlusion map of half their size."""
    return {
        "foreground": feature(random, batch, CHANNELS, (SIDE, SIDE)),
        "occlusion": feature(random, batch, 1, (SIDE // 2, SIDE // 2)),
        "background": feature(random, batch, CHANNELS, (SIDE, SIDE)),
    }


def eager(foreground: Tensor, occlusion: Tensor, background: Tensor) -> Tensor:
    """The chain of the published models; the map's type is wide enough for the features."""
    visible = torch.sigmoid(F.interpolate(occlusion, foreground.shape[2:], mode="bilinear", align_corners=False))
    return (foreground * visible + background * (1 - visible)).to(foreground.dtype)


def operations(inputs: Inputs) -> Operations:
    """Of a blend: three a value, in the backward two products and two for the map."""
    values, pixels = inputs["foreground"].numel(), prod(inputs["foreground"].shape[2:])
    of_map = len(inputs["foreground"]) * pixels * MAP
    return Operations(3 * values + of_map, 5 * values + 2 * of_map)


OCCLUSION_BLEND = Op(
    "occlusion_blend",
    ours=partial(occlusion_blend, sigmoid=True),
    eager=eager,
    features=("foreground", "background"),
    operations=operations,
)
CASES = [
    Case(
        OCCLUSION_BLEND,
        f"{CHANNELS} × {SIDE}², occlusion at half",
        (SIDE, SIDE),
        feature_maps,
        asked=(Asked("forward", Faster(2.2)), Asked("backward", Faster(2.2))),
        readme=("forward", "backward"),
    )
]


def bench_occlusion_blend(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
