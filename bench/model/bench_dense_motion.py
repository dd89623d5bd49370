"""A whole dense-motion network, eager and on the ops; most of what is left is its convolutions."""

import torch
from torch import nn

from bench.case import Inputs
from bench.inputs import CHANNELS, VOLUME, feature, keypoints
from bench.model.entry import Entry
from bench.settings import Measure, Setting
from examples.dense_motion import DenseMotion, FusedDenseMotion, Hourglass


def network(kind: type[DenseMotion]) -> DenseMotion:
    """The network, with the weights that either kind gets from the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return kind()


def volume_and_keypoints(random: torch.Generator, batch: int) -> Inputs:
    """What the network reads."""
    inputs = {"feature": feature(random, batch, CHANNELS, VOLUME)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, batch)
    return inputs


ENTRY = Entry(
    "dense motion network",
    "21 keypoints",
    ours=network(FusedDenseMotion),
    eager=network(DenseMotion),
    size=VOLUME,
    draw=volume_and_keypoints,
    features=("feature",),
    stages={
        nn.Conv3d: "convolutions",
        nn.Conv2d: "convolutions",
        nn.BatchNorm3d: "normalisations",
        nn.ReLU: "activations",
        Hourglass: "pooling, resizing, joining",
    },
    outside="motion and warping",
    readme=False,
)
CASES = [ENTRY.to_case()]


def bench_dense_motion(setting: Setting, measure: Measure) -> None:
    """A row a setting."""
    measure(setting)
