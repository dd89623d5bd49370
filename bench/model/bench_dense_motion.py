"""A whole dense-motion network, eager and on the ops; most of what is left is its convolutions."""

from collections.abc import Mapping
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor

from bench.case import Case, Direction, Inputs
from bench.inputs import CHANNELS, VOLUME, feature, generator, keypoints
from bench.parameters import Measure, parameters
from examples.dense_motion import DenseMotion, FusedDenseMotion

Networks = Mapping[torch.dtype, DenseMotion]


def networks(kind: type[DenseMotion]) -> Networks:
    """The network with the weights that either kind gets from the same seed, in float32 and in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = kind().eval().requires_grad_(False)
    return {torch.float32: network, torch.float64: deepcopy(network).double()}


def run(networks: Networks, feature: Tensor, kp_driving: Tensor, kp_source: Tensor) -> Tensor:
    """Warp a feature volume with the network of its type."""
    warped: Tensor = networks[feature.dtype](feature, kp_driving, kp_source)
    return warped


def volume_and_keypoints() -> Inputs:
    """What the network reads."""
    random = generator()
    inputs = {"feature": feature(random, 1, CHANNELS, VOLUME)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, 1)
    return inputs


CASES = [
    Case(
        "dense motion network",
        "21 keypoints",
        volume_and_keypoints,
        ours=partial(run, networks(FusedDenseMotion)),
        eager=partial(run, networks(DenseMotion)),
        features=("feature",),
        targets={"forward": None, "backward": None},
        scratch=None,
    )
]


@parameters(CASES)
def bench_dense_motion(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a direction."""
    measure(case, direction)
