"""A benchmark does not time a wrong result."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from bench.case import Form, Inputs
from bench.prepare import gradients_like, in_dtype, parameters, prepare

# ‖found - expected‖ / ‖expected‖ that is rounding in any op here, unless eager PyTorch's own is more. Where a gradient
# jumps (at the borders of cells) each rounds to the wrong side by chance: there none comes in, see bench/borders.py.
ROUNDING = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}
TIMES_EAGERS_ERROR = 3
OF_RANGE = 1e-4  # from the least to the most of the eager form's values: what accelerated models are held to


class WrongResultError(Exception):
    """What was to be timed does not compute what eager PyTorch computes."""


class Expected(ABC):
    """What eager PyTorch computes from inputs, and how far from that a result may be.

    Args:
        eager: the form in eager PyTorch.
        inputs: its arguments.
        direction: "forward", "backward" or "both".
        outputs: of the forward of what will be checked: the gradients that come in have their types.
        undefined: where no gradient comes in, by output; nowhere if it is empty.

    The gradient of a model's parameters is one: that of a bias that changes nothing is rounding, and proves nothing.
    """

    def __init__(
        self,
        eager: Form,
        inputs: Inputs,
        direction: str,
        outputs: Sequence[Tensor],
        undefined: Sequence[Tensor] = (),
    ) -> None:
        self.grad_outputs = gradients_like(outputs, undefined)
        self._parameters = 0 if direction == "forward" else len(parameters(eager))

        def in_type(dtype: torch.dtype) -> list[Tensor]:
            return self._joined(_outcome(eager, inputs, direction, self.grad_outputs, dtype))

        self._values = self._evaluate(in_type)

    @abstractmethod
    def _evaluate(self, in_type: Callable[[torch.dtype], list[Tensor]]) -> list[Tensor]:
        """The tensors to compare with, of the eager form's in one type or another."""

    @abstractmethod
    def _off(self, position: int, found: Tensor) -> str | None:
        """How far off a tensor of the right shape is, in words; None where it is near enough."""

    def refuse_wrong(self, what: str, found: Sequence[Tensor]) -> None:
        """Raise WrongResultError unless every tensor found has the expected shape and is near the expected values."""
        found = self._joined(found)
        if len(found) != len(self._values):
            raise WrongResultError(f"{what}: {len(found)} tensors for {len(self._values)}")
        for position, (tensor, expected) in enumerate(zip(found, self._values, strict=True)):
            if tensor.shape != expected.shape:
                raise WrongResultError(f"{what}, tensor {position}: {tuple(tensor.shape)} for {tuple(expected.shape)}")
            if (off := self._off(position, tensor)) is not None:
                raise WrongResultError(f"{what}, tensor {position}: off by {off}")

    def _joined(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        if not self._parameters:
            return list(tensors)
        alone, gradients = tensors[: -self._parameters], tensors[-self._parameters :]
        return [*alone, torch.cat([gradient.flatten() for gradient in gradients])]


class InFloat64(Expected):
    """In float64, in norm; float32 may come as far from it as rounding takes any op, or some times eager PyTorch's."""

    def _evaluate(self, in_type: Callable[[torch.dtype], list[Tensor]]) -> list[Tensor]:
        exact = in_type(torch.float64)
        self._eagers_errors = [error_of(*pair) for pair in zip(in_type(torch.float32), exact, strict=True)]
        return exact

    def _off(self, position: int, found: Tensor) -> str | None:
        error = error_of(found, self._values[position])
        allowed = max(ROUNDING[found.dtype], TIMES_EAGERS_ERROR * self._eagers_errors[position])
        return None if error <= allowed else f"{error:.2g} of its norm"  # a NaN is wrong too


class InFloat32(Expected):
    """In float32, value by value, for what float64 takes too long for, or more memory than there is."""

    def _evaluate(self, in_type: Callable[[torch.dtype], list[Tensor]]) -> list[Tensor]:
        return in_type(torch.float32)

    def _off(self, position: int, found: Tensor) -> str | None:
        expected = self._values[position]
        error = float((found - expected).abs().max() / (expected.max() - expected.min()))
        return None if error <= OF_RANGE else f"{error:.2g} of its range"


CHECKS: dict[str, type[Expected]] = {"float64": InFloat64, "float32": InFloat32}


def error_of(found: Tensor, exact: Tensor) -> float:
    """‖found - exact‖ / ‖exact‖."""
    return float((found.double() - exact).norm() / exact.norm())


def _outcome(
    eager: Form, inputs: Inputs, direction: str, grad_outputs: Sequence[Tensor], dtype: torch.dtype
) -> list[Tensor]:
    form = in_dtype(eager, dtype)
    if isinstance(form, nn.Module):  # its samples are not independent: normalisation, gradients of parameters
        given = {name: tensor.to(dtype) for name, tensor in inputs.items()}
        return prepare(form, given, direction, [gradient.to(dtype) for gradient in grad_outputs]).run()
    samples = []  # one by one, since eager PyTorch in float64 may take more memory than there is for a whole batch
    for index in range(len(next(iter(inputs.values())))):
        one = slice(index, index + 1)
        given = {name: tensor[one].to(dtype) for name, tensor in inputs.items()}
        samples.append(prepare(form, given, direction, [gradient[one].to(dtype) for gradient in grad_outputs]).run())
    return [torch.cat(parts) for parts in zip(*samples, strict=True)]
