"""warp_blend beside grid_sample, a sigmoid and two products."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Case, Direction, Faster, Inputs, PerSample
from bench.inputs import CHANNELS, VOLUME, feature, generator, smooth_deformation
from bench.parameters import Measure, parameters
from ptus_kernels import warp_blend


def warped_volume(
    batch: int = 1, dtype: torch.dtype = torch.float32, channels_last: bool = True, with_background: bool = False
) -> Inputs:
    """A feature volume, its deformation, the logits of its occlusion map, and perhaps what shows where it is hidden."""
    random = generator()
    inputs = {
        "input": feature(random, batch, CHANNELS, VOLUME, channels_last).to(dtype),
        "deformation": smooth_deformation(random, batch, VOLUME),
        "occlusion": feature(random, batch, 1, VOLUME[1:]),
    }
    if with_background:
        inputs["background"] = feature(random, batch, CHANNELS, VOLUME, channels_last).to(dtype)
    return inputs


def eager(input: Tensor, deformation: Tensor, occlusion: Tensor, background: Tensor | None = None) -> Tensor:
    """In float32, since half-precision coordinates miss by a voxel."""
    visible = torch.sigmoid(occlusion).unsqueeze(2)
    warped = F.grid_sample(input.to(deformation.dtype), deformation, align_corners=False) * visible
    if background is not None:
        warped = warped + (1 - visible) * background.to(warped.dtype)
    return warped.to(input.dtype)


case = partial(
    Case, "warp_blend", ours=partial(warp_blend, sigmoid=True), eager=eager, features=("input", "background")
)
CHANNELS_LAST = case("channels last", warped_volume, targets={"forward": Faster(18), "backward": Faster(12)})
CASES = [
    CHANNELS_LAST,
    case(
        "with background",
        partial(warped_volume, with_background=True),
        targets={"forward": None, "backward": None},
    ),
    case("bfloat16", partial(warped_volume, dtype=torch.bfloat16), targets={"forward": PerSample(1, CHANNELS_LAST)}),
    case("batch 8", partial(warped_volume, batch=8), targets={"forward": PerSample(1.3, CHANNELS_LAST)}),
]


@parameters(CASES)
def bench_warp_blend(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a case and direction."""
    measure(case, direction)
