"""occlusion_blend beside resizing, a sigmoid, products and a sum."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Case, Direction, Faster, Inputs
from bench.inputs import feature, generator
from bench.parameters import Measure, parameters
from ptus_kernels import occlusion_blend

CHANNELS, SIDE = 128, 128


def feature_maps() -> Inputs:
    """Two feature maps, and the logits of an occlusion map of half their size."""
    random = generator()
    return {
        "foreground": feature(random, 1, CHANNELS, (SIDE, SIDE)),
        "occlusion": feature(random, 1, 1, (SIDE // 2, SIDE // 2)),
        "background": feature(random, 1, CHANNELS, (SIDE, SIDE)),
    }


def eager(foreground: Tensor, occlusion: Tensor, background: Tensor) -> Tensor:
    """The chain of the published models."""
    visible = torch.sigmoid(F.interpolate(occlusion, foreground.shape[2:], mode="bilinear", align_corners=False))
    return foreground * visible + background * (1 - visible)


CASES = [
    Case(
        "occlusion_blend",
        f"{CHANNELS} × {SIDE}², occlusion at half",
        feature_maps,
        ours=partial(occlusion_blend, sigmoid=True),
        eager=eager,
        features=("foreground", "background"),
        targets={"forward": Faster(2.2), "backward": Faster(2.2)},
    )
]


@parameters(CASES)
def bench_occlusion_blend(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a case and direction."""
    measure(case, direction)
