"""soft_argmax_3d beside a softmax and a weighted sum of the identity grid."""

from functools import partial

import torch
from torch import Tensor

from bench.case import Case, Inputs, Op, Operations
from bench.inputs import FEWER_KEYPOINTS, KEYPOINTS, VOLUME, feature
from bench.operations import SOFTMAX, SOFTMAX_BACKWARD
from bench.settings import Measure, Setting
from examples.dense_motion import identity_grid
from ptus_kernels import soft_argmax_3d

TEMPERATURE = 0.1
EXPECTATION = 6  # operations of a voxel: three products, three sums


def heatmap_logits(count: int, random: torch.Generator, batch: int) -> Inputs:
    """The logits of the keypoints' heatmaps."""
    return {"logits": feature(random, batch, count, VOLUME)}


def eager(logits: Tensor) -> Tensor:
    """The chain of the published models, with a matrix product for product and sum, which is the faster form."""
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    heatmaps = (wide.flatten(2) / TEMPERATURE).softmax(dim=2)
    return heatmaps @ identity_grid(logits.shape[2:], wide).flatten(0, 2)


def operations(inputs: Inputs) -> Operations:
    """Of a softmax and an expectation; the backward needs the softmax again."""
    numbers = inputs["logits"].numel()
    return Operations(numbers * (SOFTMAX + EXPECTATION), numbers * (SOFTMAX + SOFTMAX_BACKWARD + EXPECTATION))


SOFT_ARGMAX = Op(
    "soft_argmax_3d",
    ours=partial(soft_argmax_3d, temperature=TEMPERATURE),
    eager=eager,
    features=("logits",),
    operations=operations,
)
CASES = [
    Case(SOFT_ARGMAX, "21 keypoints", VOLUME, partial(heatmap_logits, KEYPOINTS), readme=("forward",)),
    Case(SOFT_ARGMAX, "15 keypoints", VOLUME, partial(heatmap_logits, FEWER_KEYPOINTS)),
]


def bench_soft_argmax(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
