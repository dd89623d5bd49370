"""compose_motion beside sparse motions, a softmax and a weighted sum."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Case, Direction, Faster, Inputs
from bench.inputs import KEYPOINTS, VOLUME, feature, generator, jacobians, keypoints
from bench.parameters import Measure, parameters
from examples.dense_motion import sparse_motions
from ptus_kernels import compose_motion

SMALL = (8, 32, 32)


def logits_and_keypoints(size: Sequence[int] = VOLUME, with_jacobian: bool = False) -> Inputs:
    """The logits of the masks, and the keypoints."""
    random = generator()
    inputs = {"mask_logits": feature(random, 1, KEYPOINTS + 1, size)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, 1)
    if with_jacobian:
        inputs["jacobian"] = jacobians(random, 1)
    return inputs


def eager(mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None = None) -> Tensor:
    """The chain of the published models, with einsum for product and sum, which is the faster form."""
    if mask_logits.shape[2:] != VOLUME:
        mask_logits = F.interpolate(mask_logits, VOLUME, mode="trilinear", align_corners=False)
    motions = sparse_motions(kp_driving, kp_source, jacobian, VOLUME)
    return torch.einsum("bkdhw,bkdhwc->bdhwc", mask_logits.softmax(dim=1), motions)


case = partial(
    Case, "compose_motion", ours=partial(compose_motion, size=VOLUME), eager=eager, features=("mask_logits",)
)
CASES = [
    case("21 keypoints", logits_and_keypoints, targets={"forward": Faster(16), "backward": Faster(12)}),
    case(
        "logits at 8×32×32",
        partial(logits_and_keypoints, SMALL),
        targets={"forward": Faster(16), "backward": Faster(10)},
    ),
    case(
        "with jacobians",
        partial(logits_and_keypoints, with_jacobian=True),
        targets={"forward": None, "backward": None},
    ),
]


@parameters(CASES)
def bench_compose_motion(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a case and direction."""
    measure(case, direction)
