"""A benchmark does not time a wrong result."""

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.case import Case, Direction, Inputs, prepare

# ‖found - expected‖ / ‖expected‖ that is rounding in any op here. Where the result has jumps (the gradient of a
# deformation, at the borders of cells), eager PyTorch rounds to the wrong side as often as we do: hence its own error.
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 1e-2}
TIMES_EAGERS_ERROR = 3


class WrongResultError(Exception):
    """What was to be timed does not compute what eager PyTorch computes."""


class Expected:
    """What eager PyTorch computes for a case: in float64, and how far from it float32 comes."""

    def __init__(self, case: Case, inputs: Inputs, direction: Direction) -> None:
        self._exact = prepare(case.eager, {name: tensor.double() for name, tensor in inputs.items()}, direction).run()
        eager = prepare(case.eager, {name: tensor.float() for name, tensor in inputs.items()}, direction).run()
        self._eagers_errors = [error_of(*pair) for pair in zip(eager, self._exact, strict=True)]

    def refuse_wrong(self, what: str, found: Sequence[Tensor]) -> None:
        """Raise WrongResultError unless every tensor found has the expected shape and, in norm, the expected values."""
        for position, (tensor, exact) in enumerate(zip(found, self._exact, strict=True)):
            if tensor.shape != exact.shape:
                raise WrongResultError(f"{what}, tensor {position}: {tuple(tensor.shape)} for {tuple(exact.shape)}")
            error = error_of(tensor, exact)
            allowed = max(ROUNDING[tensor.dtype], TIMES_EAGERS_ERROR * self._eagers_errors[position])
            if not error <= allowed:  # a NaN is wrong too
                raise WrongResultError(f"{what}, tensor {position}: off by {error:.2g} of its norm")


def error_of(found: Tensor, exact: Tensor) -> float:
    """‖found - exact‖ / ‖exact‖."""
    return float((found.double() - exact).norm() / exact.norm())
