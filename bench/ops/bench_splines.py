"""spline_features and compose_splines beside the published chain of thin-plate splines; the fit is part of both."""

from math import prod

import torch
from torch import Tensor

from bench import images
from bench.borders import deformed_at_borders
from bench.case import Case, Inputs, Op, Operations
from bench.operations import HEATMAP, HEATMAP_BACKWARD, SOFTMAX, SOFTMAX_BACKWARD, added, bilinear
from bench.settings import Measure, Setting
from ptus_kernels import compose_splines, spline_features

BEND, BEND_BACKWARD = 11, 24  # operations of a point and control point: distance, logarithm, two products and sums


def logits_and_points(random: torch.Generator, batch: int) -> Inputs:
    """The logits of the masks, control points and the background's motion."""
    others = images.spline_inputs(random, batch)
    del others["feature"]
    return {"mask_logits": images.mask_logits(random, batch), **others}


def eager_features(feature: Tensor, kp_driving: Tensor, kp_source: Tensor, background: Tensor) -> Tensor:
    """The published chain."""
    size = feature.shape[2:]
    motions = images.spline_motions(kp_driving, kp_source, background, size)
    maps = images.heatmaps(kp_driving.flatten(1, 2), kp_source.flatten(1, 2), None, size)
    return torch.cat((maps, images.deformed(feature, motions, True).flatten(1, 2)), dim=1).to(feature.dtype)


def undefined(inputs: Inputs) -> tuple[Tensor]:
    """Where the deformed picture is read at a border; the heatmaps, which come first, are smooth."""
    feature, driving, source, background = (
        inputs[name] for name in ("feature", "kp_driving", "kp_source", "background")
    )
    motions = images.spline_motions(driving, source, background, feature.shape[2:])
    deformed = deformed_at_borders(motions, feature.shape[1], align_corners=True).flatten(1, 2)
    heatmaps = 1 + prod(driving.shape[1:3])
    return (torch.cat((deformed.new_zeros(len(feature), heatmaps, *feature.shape[2:]), deformed), dim=1),)


def eager_field(mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, background: Tensor) -> Tensor:
    """The published chain."""
    motions = images.spline_motions(kp_driving, kp_source, background, mask_logits.shape[2:])
    return images.mixed(mask_logits, motions)


def _bending(inputs: Inputs) -> Operations:
    numbers = prod(images.IMAGE) * prod(inputs["kp_driving"].shape[:3])
    return Operations(BEND * numbers, BEND_BACKWARD * numbers)


def operations_of_features(inputs: Inputs) -> Operations:
    """Of bending, heatmaps, and a bilinear sample a point and motion."""
    pixels, points = prod(images.IMAGE), prod(inputs["kp_driving"].shape[:3])
    heatmaps = Operations(HEATMAP * pixels * points, HEATMAP_BACKWARD * pixels * points)
    samples = pixels * len(inputs["feature"]) * (images.MOTIONS + 1)
    return added(_bending(inputs), heatmaps, bilinear(samples, images.COLOURS))


def operations_of_field(inputs: Inputs) -> Operations:
    """Of bending, which the backward does again, a softmax and a sum of motions."""
    numbers, motion = inputs["mask_logits"].numel(), 12
    mixing = Operations(numbers * (SOFTMAX + motion), numbers * (SOFTMAX + SOFTMAX_BACKWARD + 2 * motion))
    return added(_bending(inputs), mixing)


SPLINE_FEATURES = Op(
    "spline_features",
    ours=spline_features,
    eager=eager_features,
    features=("feature",),
    operations=operations_of_features,
    transposed="feature",
)
COMPOSE_SPLINES = Op(
    "compose_splines",
    ours=compose_splines,
    eager=eager_field,
    features=("mask_logits",),
    operations=operations_of_field,
)
CASES = [
    Case(SPLINE_FEATURES, "image, TPSMM", images.IMAGE, images.spline_inputs, undefined=undefined),
    Case(COMPOSE_SPLINES, "image, TPSMM", images.IMAGE, logits_and_points),
]


def bench_splines(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
