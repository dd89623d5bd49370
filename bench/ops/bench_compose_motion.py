"""compose_motion beside sparse motions, a softmax and a weighted sum."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import images
from bench.case import Asked, Case, Inputs, Op, Operations
from bench.inputs import FEWER_KEYPOINTS, KEYPOINTS, LARGE_VOLUME, VOLUME, feature, jacobians, keypoints
from bench.operations import SOFTMAX, SOFTMAX_BACKWARD
from bench.settings import Measure, Setting
from bench.targets import Faster
from examples.dense_motion import sparse_motions
from ptus_kernels import compose_motion

SMALL = (8, 32, 32)
RESIZE = 14  # operations of a trilinear interpolation at known weights
MOTION, MOTION_WITH_JACOBIAN = 6, 24  # of a point under a motion, and of its sum over the motions


def logits_and_keypoints(
    size: Sequence[int], count: int, with_jacobian: bool, random: torch.Generator, batch: int
) -> Inputs:
    """The logits of the masks, and the keypoints."""
    inputs = {"mask_logits": feature(random, batch, count + 1, size)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, batch, count)
    if with_jacobian:
        inputs["jacobian"] = jacobians(random, batch, count)
    return inputs


def eager(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None = None,
    size: Sequence[int] | None = None,
) -> Tensor:
    """The chain of the published models, with einsum for product and sum, which is the faster form."""
    logits = mask_logits.to(kp_driving.dtype)
    if size is not None:
        logits = F.interpolate(logits, tuple(size), mode="trilinear", align_corners=False)
    motions = sparse_motions(kp_driving, kp_source, jacobian, logits.shape[2:])
    return torch.einsum("bkdhw,bkdhwc->bdhwc", logits.softmax(dim=1), motions)


def operations(inputs: Inputs, size: Sequence[int] | None = None) -> Operations:
    """Of a softmax, a sum of motions and perhaps a resize; the backward does each again for its gradients."""
    batch, count, *given = inputs["mask_logits"].shape
    numbers = batch * count * prod(size or given)
    motion = MOTION_WITH_JACOBIAN if "jacobian" in inputs else MOTION
    resize = RESIZE if size else 0
    return Operations(
        numbers * (SOFTMAX + motion + resize), numbers * (SOFTMAX + SOFTMAX_BACKWARD + 2 * motion + 2 * resize)
    )


COMPOSE_MOTION = Op(
    "compose_motion",
    ours=compose_motion,
    eager=eager,
    features=("mask_logits",),
    operations=operations,
    gpu_times_eager={"forward": 10, "backward": 10},
)
RESIZING = replace(
    COMPOSE_MOTION,
    ours=partial(compose_motion, size=VOLUME),
    eager=partial(eager, size=VOLUME),
    operations=partial(operations, size=VOLUME),
)


def image_inputs(random: torch.Generator, batch: int) -> Inputs:
    """Mask logits, keypoints and jacobians of an image."""
    others = images.keypoint_inputs(random, batch, articulated=False)
    del others["feature"]
    return {"mask_logits": images.mask_logits(random, batch), **others}


def eager_of_image(mask_logits: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor) -> Tensor:
    """The chain of the published models of images."""
    motions = images.keypoint_motions(kp_driving, kp_source, jacobian, None, mask_logits.shape[2:])
    return images.mixed(mask_logits, motions)


OF_IMAGE = replace(COMPOSE_MOTION, eager=eager_of_image)
CASES = [
    Case(
        COMPOSE_MOTION,
        "21 keypoints",
        VOLUME,
        partial(logits_and_keypoints, VOLUME, KEYPOINTS, False),
        asked=(Asked("forward", Faster(16)), Asked("backward", Faster(12))),
        readme=("forward", "backward"),
    ),
    Case(
        RESIZING,
        "logits at 8×32×32",
        VOLUME,
        partial(logits_and_keypoints, SMALL, KEYPOINTS, False),
        asked=(Asked("forward", Faster(16)), Asked("backward", Faster(10))),
    ),
    Case(COMPOSE_MOTION, "15 keypoints", VOLUME, partial(logits_and_keypoints, VOLUME, FEWER_KEYPOINTS, False)),
    Case(
        COMPOSE_MOTION,
        "21 keypoints, 128×128",
        LARGE_VOLUME,
        partial(logits_and_keypoints, LARGE_VOLUME, KEYPOINTS, False),
    ),
    Case(OF_IMAGE, "image, FOMM", images.IMAGE, image_inputs, targetless=True),
    Case(COMPOSE_MOTION, "with jacobians", VOLUME, partial(logits_and_keypoints, VOLUME, KEYPOINTS, True)),
]


def bench_compose_motion(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
