"""soft_argmax_3d and soft_argmax_2d beside a softmax and a weighted sum of the identity grid."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from bench import images
from bench.case import Case, Inputs, Op, Operations
from bench.inputs import FEWER_KEYPOINTS, KEYPOINTS, VOLUME, feature
from bench.operations import SOFTMAX, SOFTMAX_BACKWARD
from bench.settings import Measure, Setting
from examples.dense_motion import identity_grid
from ptus_kernels import soft_argmax_2d, soft_argmax_3d

TEMPERATURE = 0.1
UNPADDED = (58, 58)  # what a 7 × 7 convolution without padding, as FOMM's, leaves of 64 × 64


def heatmap_logits(count: int, size: Sequence[int], random: torch.Generator, batch: int) -> Inputs:
    """The logits of the keypoints' heatmaps."""
    return {"logits": feature(random, batch, count, size)}


def eager(logits: Tensor) -> Tensor:
    """The chain of the published models, with a matrix product for product and sum, which is the faster form."""
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    heatmaps = (wide.flatten(2) / TEMPERATURE).softmax(dim=2)
    grid = identity_grid if logits.dim() == 5 else images.grid_2d
    return heatmaps @ grid(logits.shape[2:], wide).flatten(0, -2)


def operations(inputs: Inputs) -> Operations:
    """Of a softmax, and of a product and a sum an axis; the backward needs the softmax again."""
    numbers, expectation = inputs["logits"].numel(), 2 * (inputs["logits"].dim() - 2)
    return Operations(numbers * (SOFTMAX + expectation), numbers * (SOFTMAX + SOFTMAX_BACKWARD + expectation))


SOFT_ARGMAX = Op(
    "soft_argmax_3d",
    ours=partial(soft_argmax_3d, temperature=TEMPERATURE),
    eager=eager,
    features=("logits",),
    operations=operations,
)
OF_IMAGE = replace(SOFT_ARGMAX, name="soft_argmax_2d", ours=partial(soft_argmax_2d, temperature=TEMPERATURE))
case = partial(Case, SOFT_ARGMAX, size=VOLUME)
of_image = partial(Case, OF_IMAGE, targetless=True)
CASES = [
    case(name="21 keypoints", draw=partial(heatmap_logits, KEYPOINTS, VOLUME), readme=("forward",)),
    case(name="15 keypoints", draw=partial(heatmap_logits, FEWER_KEYPOINTS, VOLUME)),
    of_image(name="image, FOMM", size=UNPADDED, draw=partial(heatmap_logits, images.MOTIONS, UNPADDED)),
    of_image(name="image, FOMM, 64×64", size=images.IMAGE, draw=partial(heatmap_logits, images.MOTIONS, images.IMAGE)),
]


def bench_soft_argmax(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
