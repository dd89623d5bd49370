"""motion_features beside sparse motions, repeated features, grid_sample and heatmaps."""

from functools import partial
from math import prod

from torch import Tensor

from bench.case import Case, Direction, Faster, Inputs
from bench.inputs import VOLUME, feature, generator, jacobians, keypoints
from bench.parameters import Measure, parameters
from examples.dense_motion import motion_input, sparse_motions
from ptus_kernels import motion_features

COMPRESSED_CHANNELS = 4
VOLUME_BYTES = 4 * COMPRESSED_CHANNELS * prod(VOLUME)


def compressed_volume(with_jacobian: bool = False) -> Inputs:
    """A compressed feature volume and the keypoints that move it."""
    random = generator()
    inputs = {"feature": feature(random, 1, COMPRESSED_CHANNELS, VOLUME)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints(random, 1)
    if with_jacobian:
        inputs["jacobian"] = jacobians(random, 1)
    return inputs


def eager(feature: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None = None) -> Tensor:
    """The chain of the published models."""
    motions = sparse_motions(kp_driving, kp_source, jacobian, feature.shape[2:])
    return motion_input(feature, kp_driving, kp_source, motions)


case = partial(Case, "motion_features", ours=motion_features, eager=eager, features=("feature",))
CASES = [
    case("21 keypoints", compressed_volume, targets={"forward": Faster(25), "backward": Faster(20)}),
    case(
        "with jacobians",
        partial(compressed_volume, with_jacobian=True),
        targets={"forward": None, "backward": None},
        scratch={"forward": VOLUME_BYTES, "backward": VOLUME_BYTES},
    ),
]


@parameters(CASES)
def bench_motion_features(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a case and direction."""
    measure(case, direction)
