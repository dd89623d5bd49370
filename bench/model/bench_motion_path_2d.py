"""The motion paths of models of images without their networks: everything but convolutions and normalisations.

FOMM: keypoints from heatmaps, what the dense-motion network reads, the deformation, the warped and occluded feature.
TPSMM: the same of thin-plate splines, whose control points a network gives without heatmaps.
"""

from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import images
from bench.borders import near_borders
from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import feature
from bench.operations import SOFTMAX, SOFTMAX_BACKWARD, added, bilinear
from bench.ops import bench_motion_features, bench_splines
from bench.ops.bench_motion_features import eager_of_image
from bench.ops.bench_soft_argmax import TEMPERATURE, UNPADDED
from bench.ops.bench_splines import eager_features, eager_field, operations_of_features, operations_of_field
from bench.settings import Measure, Setting
from bench.targets import Faster
from ptus_kernels import compose_motion, compose_splines, motion_features, soft_argmax_2d, spline_features, warp_blend

CHANNELS = 256  # of the feature that is warped, at the size of the masks

Results = tuple[Tensor, ...]


def _warped(random: torch.Generator, batch: int) -> Inputs:
    return {
        "mask_logits": images.mask_logits(random, batch),
        "warped": feature(random, batch, CHANNELS, images.IMAGE),
        "occlusion": feature(random, batch, 1, images.IMAGE),
    }


def fomm_inputs(random: torch.Generator, batch: int) -> Inputs:
    """What FOMM's networks give: heatmaps, source keypoints, jacobians, masks, the feature and its occlusion."""
    inputs = images.keypoint_inputs(random, batch, articulated=False)
    del inputs["kp_driving"]
    inputs["heatmap_logits"] = feature(random, batch, images.MOTIONS, UNPADDED)
    return {**inputs, **_warped(random, batch)}


def tpsmm_inputs(random: torch.Generator, batch: int) -> Inputs:
    """What TPSMM's networks give: control points, the background, masks, the feature and its occlusion."""
    return {**images.spline_inputs(random, batch), **_warped(random, batch)}


def eager_keypoints(logits: Tensor) -> Tensor:
    """The published chain: a softmax, and the sum over the pixels of its product with the coordinates."""
    maps = (logits.flatten(2) / TEMPERATURE).softmax(dim=2).view(logits.shape).unsqueeze(-1)
    return (maps * images.grid_2d(torch.Size(UNPADDED), maps)).sum(dim=(2, 3))


def eager_warp(warped: Tensor, deformation: Tensor, occlusion: Tensor, align_corners: bool) -> Tensor:
    """The published chain."""
    return F.grid_sample(warped, deformation, align_corners=align_corners) * torch.sigmoid(occlusion)


def fomm(
    feature: Tensor,
    kp_source: Tensor,
    jacobian: Tensor,
    heatmap_logits: Tensor,
    mask_logits: Tensor,
    warped: Tensor,
    occlusion: Tensor,
) -> Results:
    """On the ops."""
    kp_driving = soft_argmax_2d(heatmap_logits, TEMPERATURE)
    seen = motion_features(feature, kp_driving, kp_source, jacobian)
    deformation = compose_motion(mask_logits, kp_driving, kp_source, jacobian)
    return seen, warp_blend(warped, deformation, occlusion, sigmoid=True)


def eager_fomm(
    feature: Tensor,
    kp_source: Tensor,
    jacobian: Tensor,
    heatmap_logits: Tensor,
    mask_logits: Tensor,
    warped: Tensor,
    occlusion: Tensor,
) -> Results:
    """As published, but that the motions are not made twice."""
    kp_driving = eager_keypoints(heatmap_logits)
    seen = eager_of_image(feature, kp_driving, kp_source, jacobian)
    motions = images.keypoint_motions(kp_driving, kp_source, jacobian, None, feature.shape[2:])
    return seen, eager_warp(warped, images.mixed(mask_logits, motions), occlusion, False)


def tpsmm(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    background: Tensor,
    mask_logits: Tensor,
    warped: Tensor,
    occlusion: Tensor,
) -> Results:
    """On the ops."""
    seen = spline_features(feature, kp_driving, kp_source, background=background)
    deformation = compose_splines(mask_logits, kp_driving, kp_source, background=background)
    return seen, warp_blend(warped, deformation, occlusion, sigmoid=True, align_corners=True)


def eager_tpsmm(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    background: Tensor,
    mask_logits: Tensor,
    warped: Tensor,
    occlusion: Tensor,
) -> Results:
    """As published."""
    seen = eager_features(feature, kp_driving, kp_source, background)
    deformation = eager_field(mask_logits, kp_driving, kp_source, background)
    return seen, eager_warp(warped, deformation, occlusion, True)


def undefined_fomm(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Where what the network reads and the warped feature are sampled at a border."""
    driving, source, jacobian = eager_keypoints(inputs["heatmap_logits"]), inputs["kp_source"], inputs["jacobian"]
    motions = images.keypoint_motions(driving, source, jacobian, None, inputs["feature"].shape[2:])
    (seen,) = bench_motion_features.undefined_of_image({**inputs, "kp_driving": driving})
    return seen, near_borders(images.mixed(inputs["mask_logits"], motions), images.IMAGE).unsqueeze(1)


def undefined_tpsmm(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """As `undefined_fomm`."""
    places = eager_field(*(inputs[name] for name in ("mask_logits", "kp_driving", "kp_source", "background")))
    (seen,) = bench_splines.undefined(inputs)
    return seen, near_borders(places, images.IMAGE, align_corners=True).unsqueeze(1)


def operations(splines: bool, inputs: Inputs) -> Operations:
    """Of the ops."""
    pixels = len(inputs["feature"]) * prod(images.IMAGE)
    warp = added(bilinear(pixels, CHANNELS), Operations(pixels * CHANNELS, 3 * pixels * CHANNELS))
    if splines:
        return added(operations_of_features(inputs), operations_of_field(inputs), warp)
    logits, masks, motion = inputs["heatmap_logits"].numel(), inputs["mask_logits"].numel(), 16
    return added(
        Operations(logits * (SOFTMAX + 4), logits * (SOFTMAX + SOFTMAX_BACKWARD + 4)),
        bilinear(pixels * (images.MOTIONS + 1), images.COLOURS),
        Operations(masks * (SOFTMAX + motion), masks * (SOFTMAX + SOFTMAX_BACKWARD + 2 * motion)),
        warp,
    )


FEATURES = ("feature", "mask_logits", "warped")
FOMM = Op(
    "motion path of images",
    fomm,
    eager_fomm,
    features=(*FEATURES, "heatmap_logits"),
    operations=partial(operations, False),
    limits_memory=False,
)
TPSMM = Op(
    "motion path of images",
    tpsmm,
    eager_tpsmm,
    features=FEATURES,
    operations=partial(operations, True),
    limits_memory=False,
)
case = partial(
    Case,
    size=images.IMAGE,
    asked=(Asked("forward", Faster(5)),),
    directions=("forward", "both"),
    dtypes=("float32",),
    readme=("forward",),
)
CASES = [
    case(FOMM, "FOMM", draw=fomm_inputs, undefined=undefined_fomm),
    case(TPSMM, "TPSMM", draw=tpsmm_inputs, undefined=undefined_tpsmm),
]


def bench_motion_path_2d(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
