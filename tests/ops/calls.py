"""A call of an op, and what comes of it: the output, then the gradient of each tensor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tests.ops.layouts import laid_out
from tests.ops.threads import number_of_threads

Op = Callable[..., Tensor]


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor


@dataclass(frozen=True)
class Call:
    """`op(*tensors, **parameters)`. Plain PyTorch says with `eager`, of the same signature, what it should give.

    The first tensor is the feature: its type decides in which type the op computes. A tensor that the op can do without
    may be None. Gradients are those of a random gradient of the output, which lies in memory as
    `gradient_layout` says.
    """

    op: Op
    eager: Op
    tensors: tuple[Tensor | None, ...]
    parameters: Mapping[str, Any]
    gradient_layout: str = "contiguous"

    def __repr__(self) -> str:
        tensors = ["None" if tensor is None else _description(tensor) for tensor in self.tensors]
        parameters = [f"{name}={value!r}" for name, value in self.parameters.items()]
        return f"{self.op.__name__}({', '.join(tensors + parameters)}), gradient {self.gradient_layout}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # for hypothesis, which would print every number

    @property
    def feature(self) -> Tensor:
        """The first tensor."""
        assert self.tensors[0] is not None
        return self.tensors[0]

    @property
    def computing_type(self) -> torch.dtype:
        """The type that the op computes in."""
        return torch.float64 if self.feature.dtype == torch.float64 else torch.float32

    @cached_property
    def grad_output(self) -> Tensor:
        """The gradient of the output that the outcomes start from."""
        with torch.no_grad():
            output = self.eager(*self.tensors, **self.parameters)
        values = torch.randn(output.shape, generator=torch.Generator().manual_seed(0))
        return laid_out(values.to(output.dtype), self.gradient_layout)

    def outputs(self) -> tuple[Tensor, Tensor]:
        """What the op and what plain PyTorch gives, without gradients."""
        with torch.no_grad():
            return self.op(*self.tensors, **self.parameters), self.eager(*self.tensors, **self.parameters)

    def outcome(self, function: Op | None = None, convert: Callable[[Tensor], Tensor] = _as_it_is) -> list[Tensor]:
        """What the op gives, or another function of its signature, when each tensor is converted first."""
        leaves = [None if tensor is None else convert(tensor).detach().requires_grad_() for tensor in self.tensors]
        output = (function or self.op)(*leaves, **self.parameters)
        assert output.shape == self.grad_output.shape
        gradients = torch.autograd.grad(
            output,
            [leaf for leaf in leaves if leaf is not None],
            convert(self.grad_output),
            allow_unused=True,
            materialize_grads=True,
        )
        return [output.detach(), *gradients]

    def eager_outcome(self, convert: Callable[[Tensor], Tensor] = _as_it_is) -> list[Tensor]:
        """What plain PyTorch gives, in the same types."""
        with number_of_threads(1):  # waking others costs more than these small tensors
            return self.outcome(self.eager, convert)

    def exact_outcome(self) -> list[Tensor]:
        """What plain PyTorch gives in float64, for the very same numbers."""
        return self.eager_outcome(Tensor.double)

    def nearby_outcomes(self, count: int) -> list[list[Tensor]]:
        """The exact outcomes when every number that goes in moves by 4 units in the last place of the computing type.

        An implementation cannot be expected to be nearer to the exact outcome than these are: they show where numbers
        cancel, and where the function jumps.
        """
        generator = torch.Generator().manual_seed(1)
        step = 4 * torch.finfo(self.computing_type).eps

        def moved(tensor: Tensor) -> Tensor:
            signs = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
            return tensor.double() + step * (1 + tensor.double().abs()) * signs

        return [self.eager_outcome(moved) for _ in range(count)]


def _description(tensor: Tensor) -> str:
    return f"<{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)} strides {tensor.stride()}>"
