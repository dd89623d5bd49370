"""motion_features beside sparse motions, repeated features, grid_sample and heatmaps."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod

import torch
from torch import Tensor

from bench import images
from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import FEWER_KEYPOINTS, KEYPOINTS, LARGE_VOLUME, VOLUME, feature, jacobians, keypoints
from bench.operations import HEATMAP, HEATMAP_BACKWARD, added, trilinear
from bench.settings import Measure, Setting
from bench.targets import Faster
from examples.dense_motion import motion_input, sparse_motions
from ptus_kernels import motion_features

COMPRESSED_CHANNELS = 4


def compressed_volume(
    size: Sequence[int], count: int, with_jacobian: bool, random: torch.Generator, batch: int
) -> Inputs:
    """A compressed feature volume and the keypoints that move it."""
    inputs = {"feature": feature(random, batch, COMPRESSED_CHANNELS, size)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, batch, count)
    if with_jacobian:
        inputs["jacobian"] = jacobians(random, batch, count)
    return inputs


def eager(feature: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None = None) -> Tensor:
    """The chain of the published models, in float32, since half-precision coordinates miss by a voxel."""
    motions = sparse_motions(kp_driving, kp_source, jacobian, feature.shape[2:])
    return motion_input(feature.to(kp_driving.dtype), kp_driving, kp_source, motions).to(feature.dtype)


def operations(inputs: Inputs) -> Operations:
    """Of a trilinear sample a point and motion, and a pair of heatmaps a point and keypoint."""
    (batch, channels, *size), count = inputs["feature"].shape, inputs["kp_driving"].shape[1]
    points = batch * prod(size)
    heatmaps = Operations(HEATMAP * points * count, HEATMAP_BACKWARD * points * count)
    return added(trilinear(points * (count + 1), channels), heatmaps)


MOTION_FEATURES = Op(
    "motion_features",
    ours=motion_features,
    eager=eager,
    features=("feature",),
    operations=operations,
    transposed="feature",
    gpu_times_eager={"forward": 10, "backward": 10},
)


def eager_of_image(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor,
    covariance_driving: Tensor | None = None,
    covariance_source: Tensor | None = None,
    background: Tensor | None = None,
) -> Tensor:
    """The chain of the published models of images."""
    size = feature.shape[2:]
    motions = images.keypoint_motions(kp_driving, kp_source, jacobian, background, size)
    spread = None
    if covariance_driving is not None and covariance_source is not None:
        spread = covariance_driving, covariance_source
    maps = images.heatmaps(kp_driving, kp_source, spread, size)
    return (
        torch.cat((maps.unsqueeze(2), images.deformed(feature, motions, False)), dim=2).flatten(1, 2).to(feature.dtype)
    )


OF_IMAGE = replace(MOTION_FEATURES, eager=eager_of_image)
LIVE_PORTRAIT = partial(compressed_volume, VOLUME, KEYPOINTS, False)
CASES = [
    Case(
        MOTION_FEATURES,
        "21 keypoints",
        VOLUME,
        LIVE_PORTRAIT,
        asked=(Asked("forward", Faster(25)), Asked("backward", Faster(20))),
        readme=("forward", "backward"),
    ),
    Case(MOTION_FEATURES, "15 keypoints", VOLUME, partial(compressed_volume, VOLUME, FEWER_KEYPOINTS, False)),
    Case(
        MOTION_FEATURES,
        "21 keypoints, 128×128",
        LARGE_VOLUME,
        partial(compressed_volume, LARGE_VOLUME, KEYPOINTS, False),
    ),
    Case(MOTION_FEATURES, "with jacobians", VOLUME, partial(compressed_volume, VOLUME, KEYPOINTS, True)),
    Case(OF_IMAGE, "image, FOMM", images.IMAGE, partial(images.keypoint_inputs, articulated=False), targetless=True),
    Case(OF_IMAGE, "image, MRAA", images.IMAGE, partial(images.keypoint_inputs, articulated=True), targetless=True),
    Case(MOTION_FEATURES, "deterministic", VOLUME, LIVE_PORTRAIT, directions=("backward",), deterministic=True),
]


def bench_motion_features(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
