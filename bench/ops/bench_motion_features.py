"""motion_features beside sparse motions, repeated features, grid_sample and heatmaps."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod

import torch
from torch import Tensor

from bench import images
from bench.borders import deformed_at_borders
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


def undefined(inputs: Inputs) -> tuple[Tensor]:
    """Where the deformed feature is read at a border; the heatmaps are smooth."""
    feature, size = inputs["feature"], inputs["feature"].shape[2:]
    motions = sparse_motions(inputs["kp_driving"], inputs["kp_source"], inputs.get("jacobian"), size)
    return (beside_heatmaps(deformed_at_borders(motions, feature.shape[1])),)


def beside_heatmaps(deformed: Tensor) -> Tensor:
    """False for each heatmap before what is said of the deformed feature: (B, (K + 1)(C + 1), *size)."""
    return torch.cat((torch.zeros_like(deformed[:, :, :1]), deformed), dim=2).flatten(1, 2)


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


def undefined_of_image(inputs: Inputs) -> tuple[Tensor]:
    """As `undefined`."""
    feature, driving, source, jacobian = (inputs[name] for name in ("feature", "kp_driving", "kp_source", "jacobian"))
    motions = images.keypoint_motions(driving, source, jacobian, inputs.get("background"), feature.shape[2:])
    return (beside_heatmaps(deformed_at_borders(motions, feature.shape[1])),)


OF_IMAGE = replace(MOTION_FEATURES, eager=eager_of_image)
LIVE_PORTRAIT = partial(compressed_volume, VOLUME, KEYPOINTS, False)
case = partial(Case, MOTION_FEATURES, size=VOLUME, undefined=undefined)
of_image = partial(Case, OF_IMAGE, size=images.IMAGE, targetless=True, undefined=undefined_of_image)
CASES = [
    case(
        name="21 keypoints",
        draw=LIVE_PORTRAIT,
        asked=(Asked("forward", Faster(25)), Asked("backward", Faster(20))),
        readme=("forward", "backward"),
    ),
    case(name="15 keypoints", draw=partial(compressed_volume, VOLUME, FEWER_KEYPOINTS, False)),
    case(
        name="21 keypoints, 128×128",
        size=LARGE_VOLUME,
        draw=partial(compressed_volume, LARGE_VOLUME, KEYPOINTS, False),
    ),
    case(name="with jacobians", draw=partial(compressed_volume, VOLUME, KEYPOINTS, True)),
    of_image(name="image, FOMM", draw=partial(images.keypoint_inputs, articulated=False)),
    of_image(name="image, MRAA", draw=partial(images.keypoint_inputs, articulated=True)),
    case(name="deterministic", draw=LIVE_PORTRAIT, directions=("backward",), deterministic=True),
]


def bench_motion_features(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
