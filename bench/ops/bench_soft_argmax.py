"""soft_argmax_3d beside a softmax and a weighted sum of the identity grid."""

from functools import partial

from torch import Tensor

from bench.case import Case, Direction, Inputs
from bench.inputs import KEYPOINTS, VOLUME, feature, generator
from bench.parameters import Measure, parameters
from examples.dense_motion import identity_grid
from ptus_kernels import soft_argmax_3d

TEMPERATURE = 0.1


def heatmap_logits() -> Inputs:
    """The logits of the keypoints' heatmaps."""
    return {"logits": feature(generator(), 1, KEYPOINTS, VOLUME)}


def eager(logits: Tensor) -> Tensor:
    """The chain of the published models, with a matrix product for product and sum, which is the faster form."""
    heatmaps = (logits.flatten(2) / TEMPERATURE).softmax(dim=2)
    return heatmaps @ identity_grid(logits.shape[2:], logits).flatten(0, 2)


CASES = [
    Case(
        "soft_argmax_3d",
        "21 keypoints",
        heatmap_logits,
        ours=partial(soft_argmax_3d, temperature=TEMPERATURE),
        eager=eager,
        features=("logits",),
        targets={"forward": None, "backward": None},
    )
]


@parameters(CASES)
def bench_soft_argmax(case: Case, direction: Direction, measure: Measure) -> None:
    """A row a case and direction."""
    measure(case, direction)
