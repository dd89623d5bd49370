"""The motion path of a model without its networks: features of the motions, their composition, warp and occlusion."""

from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.borders import near_borders
from bench.case import Case, Inputs, Op, Operations
from bench.inputs import CHANNELS, KEYPOINTS, VOLUME, feature, keypoints
from bench.operations import HEATMAP, HEATMAP_BACKWARD, SOFTMAX, SOFTMAX_BACKWARD, added, trilinear
from bench.ops import bench_motion_features
from bench.settings import Measure, Setting
from examples.dense_motion import motion_input, sparse_motions
from ptus_kernels import compose_motion, motion_features, warp_blend

COMPRESSED_CHANNELS = 4
MOTION = 6  # operations of a point under a motion, and of its sum over the motions


def volumes_and_keypoints(random: torch.Generator, batch: int) -> Inputs:
    """The feature, the same compressed, keypoints, and what a network would predict from the motions' features."""
    inputs = {
        "feature": feature(random, batch, CHANNELS, VOLUME),
        "compressed": feature(random, batch, COMPRESSED_CHANNELS, VOLUME),
        "mask_logits": feature(random, batch, KEYPOINTS + 1, VOLUME),
        "occlusion": feature(random, batch, 1, VOLUME[1:]),
    }
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, batch)
    return inputs


def ours(
    feature: Tensor, compressed: Tensor, mask_logits: Tensor, occlusion: Tensor, kp_driving: Tensor, kp_source: Tensor
) -> tuple[Tensor, Tensor]:
    """What a dense-motion network reads, and the warped feature."""
    seen = motion_features(compressed, kp_driving, kp_source)
    deformation = compose_motion(mask_logits, kp_driving, kp_source)
    return seen, warp_blend(feature, deformation, occlusion, sigmoid=True)


def eager(
    feature: Tensor, compressed: Tensor, mask_logits: Tensor, occlusion: Tensor, kp_driving: Tensor, kp_source: Tensor
) -> tuple[Tensor, Tensor]:
    """The chain of the published models."""
    motions = sparse_motions(kp_driving, kp_source, None, VOLUME)
    seen = motion_input(compressed, kp_driving, kp_source, motions)
    deformation = torch.einsum("bkdhw,bkdhwc->bdhwc", mask_logits.softmax(dim=1), motions)
    warped = F.grid_sample(feature, deformation, align_corners=False)
    return seen, warped * torch.sigmoid(occlusion).unsqueeze(2)


def undefined(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Where what the network reads and the warped feature are sampled at a border."""
    kp_driving, kp_source = inputs["kp_driving"], inputs["kp_source"]
    motions = sparse_motions(kp_driving, kp_source, None, VOLUME)
    places = torch.einsum("bkdhw,bkdhwc->bdhwc", inputs["mask_logits"].softmax(dim=1), motions)
    (seen,) = bench_motion_features.undefined({**inputs, "feature": inputs["compressed"]})
    return seen, near_borders(places, VOLUME).unsqueeze(1)


def operations(inputs: Inputs) -> Operations:
    """Of the three ops."""
    points = len(inputs["feature"]) * prod(VOLUME)
    masks = points * (KEYPOINTS + 1)
    return added(
        trilinear(masks, COMPRESSED_CHANNELS),
        Operations(HEATMAP * points * KEYPOINTS, HEATMAP_BACKWARD * points * KEYPOINTS),
        Operations(masks * (SOFTMAX + MOTION), masks * (SOFTMAX + SOFTMAX_BACKWARD + 2 * MOTION)),
        trilinear(points, CHANNELS),
        Operations(points * CHANNELS, 3 * points * CHANNELS),
    )


MOTION_PATH = Op(
    "motion path",
    ours,
    eager,
    features=("feature", "compressed", "mask_logits"),
    operations=operations,
    limits_memory=False,
)
case = partial(Case, MOTION_PATH, size=VOLUME, draw=volumes_and_keypoints, dtypes=("float32",), undefined=undefined)
CASES = [
    case(name="21 keypoints", directions=("forward", "both"), asked_of_gpu={"forward": 15}),
    case(
        name="21 keypoints, in CUDA graphs",
        directions=("forward",),
        devices=("cuda",),
        batches=(1,),
        graphs=True,
        readme=("forward",),
        asked_of_gpu={"forward": 5},
    ),
]


def bench_motion_path(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
