"""A benchmark does not time a wrong result."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.case import Form, Inputs
from bench.prepare import gradients_like, in_dtype, parameters, prepare

# ‖found - expected‖ / ‖expected‖ that is rounding in any op here, unless eager PyTorch's own is more. Where a gradient
# jumps (at the borders of cells) each rounds to the wrong side by chance: there none comes in, see bench/borders.py.
ROUNDING = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}
TIMES_EAGERS_ERROR = 3


class WrongResultError(Exception):
    """What was to be timed does not compute what eager PyTorch computes."""


class Expected:
    """What eager PyTorch computes from inputs: in float64, and how far from it float32 comes.

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
        self._exact = self._joined(_outcome(eager, inputs, direction, self.grad_outputs, torch.float64))
        in_float32 = self._joined(_outcome(eager, inputs, direction, self.grad_outputs, torch.float32))
        self._eagers_errors = [error_of(*pair) for pair in zip(in_float32, self._exact, strict=True)]

    def refuse_wrong(self, what: str, found: Sequence[Tensor]) -> None:
        """Raise WrongResultError unless every tensor found has the expected shape and, in norm, the expected values."""
        found = self._joined(found)
        if len(found) != len(self._exact):
            raise WrongResultError(f"{what}: {len(found)} tensors for {len(self._exact)}")
        for position, (tensor, exact) in enumerate(zip(found, self._exact, strict=True)):
            if tensor.shape != exact.shape:
                raise WrongResultError(f"{what}, tensor {position}: {tuple(tensor.shape)} for {tuple(exact.shape)}")
            error = error_of(tensor, exact)
            allowed = max(ROUNDING[tensor.dtype], TIMES_EAGERS_ERROR * self._eagers_errors[position])
            if not error <= allowed:  # a NaN is wrong too
                raise WrongResultError(f"{what}, tensor {position}: off by {error:.2g} of its norm")

    def _joined(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        if not self._parameters:
            return list(tensors)
        alone, gradients = tensors[: -self._parameters], tensors[-self._parameters :]
        return [*alone, torch.cat([gradient.flatten() for gradient in gradients])]


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
