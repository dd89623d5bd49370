"""Calls ready to be timed: forward without a graph, backward alone on a graph made once, or both."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.case import Form, Inputs, Op, Outputs

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


@dataclass(frozen=True)
class Prepared:
    """A call ready to be timed, and the tensors that it keeps alive beside its inputs: outputs and their gradients."""

    run: Callable[[], list[Tensor]]
    outputs: list[Tensor]
    grad_outputs: list[Tensor]

    @property
    def held(self) -> list[Tensor]:
        """All of them."""
        return [*self.outputs, *self.grad_outputs]


def prepare(
    form: Form,
    inputs: Inputs,
    direction: str,
    grad_outputs: Sequence[Tensor] | None = None,
    undefined: Sequence[Tensor] = (),
) -> Prepared:
    """Prepare one direction of a form.

    Args:
        form: what is called; a module goes to the inputs' device, into evaluation for "forward", else into training.
        inputs: by argument name.
        direction: "forward" gives the outputs; "backward" the gradients of the inputs, then of the form's parameters;
            "both" the outputs, then the gradients.
        grad_outputs: of the outputs; random ones if None.
        undefined: where random ones are 0, by output; nowhere if it is empty.
    """
    if isinstance(form, nn.Module):
        form.to(next(iter(inputs.values())).device)
    if direction == "forward":

        def forward() -> list[Tensor]:
            _set_mode(form, training=False)
            with torch.inference_mode():
                return _listed(form(**inputs))

        return Prepared(forward, [], [])

    leaves = {name: tensor.detach().requires_grad_() for name, tensor in inputs.items()}
    wanted = [*leaves.values(), *parameters(form)]
    _set_mode(form, training=True)
    outputs = _listed(form(**leaves))
    gradients = gradients_like(outputs, undefined) if grad_outputs is None else list(grad_outputs)
    if direction == "backward":
        return _backward(outputs, wanted, gradients)

    def both() -> list[Tensor]:
        _set_mode(form, training=True)
        found = _listed(form(**leaves))
        grads = torch.autograd.grad(found, wanted, gradients)
        return [*(tensor.detach() for tensor in found), *grads]

    return Prepared(both, [], gradients)


def _backward(outputs: list[Tensor], wanted: list[Tensor], gradients: list[Tensor]) -> Prepared:
    def backward() -> list[Tensor]:
        return list(torch.autograd.grad(outputs, wanted, gradients, retain_graph=True))

    return Prepared(backward, outputs, gradients)


def gradients_like(outputs: Sequence[Tensor], undefined: Sequence[Tensor] = ()) -> list[Tensor]:
    """Random gradients of outputs, in their types and memory formats, the same at every call.

    Args:
        outputs: of a form.
        undefined: where the gradients are 0, by output; nowhere if it is empty.
    """
    gradients = []
    for output in outputs:
        random = torch.Generator(output.device).manual_seed(7)
        values = torch.randn(output.shape, generator=random, device=output.device)
        gradients.append(torch.empty_like(output, requires_grad=False).copy_(values))
    if undefined:
        for gradient, nowhere in zip(gradients, undefined, strict=True):
            gradient.masked_fill_(nowhere, 0)
    return gradients


def parameters(form: Form) -> list[nn.Parameter]:
    """What a form learns: nothing for a function."""
    return list(form.parameters()) if isinstance(form, nn.Module) else []


def in_dtype(form: Form, dtype: torch.dtype) -> Form:
    """The form with its parameters, if it has any, in a type."""
    return deepcopy(form).to(dtype) if isinstance(form, nn.Module) else form


def own(form: Form) -> Form:
    """A copy of a form, if it has parameters or other state."""
    return deepcopy(form) if isinstance(form, nn.Module) else form


def in_setting(op: Op, inputs: Inputs, dtype: str, memory_format: str) -> Inputs:
    """The inputs with their features of a type and a memory format, "contiguous" or "channels last"."""

    def converted(tensor: Tensor) -> Tensor:
        layout = torch.contiguous_format if memory_format == "contiguous" else FORMATS[tensor.dim()]
        return tensor.to(getattr(torch, dtype)).contiguous(memory_format=layout)

    return {name: converted(tensor) if name in op.features else tensor for name, tensor in inputs.items()}


def bytes_of(tensors: Sequence[Tensor]) -> int:
    """Bytes of the tensors' elements."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _set_mode(form: Form, training: bool) -> None:
    """At every call, since another call prepared from the same module may have set the other mode."""
    if isinstance(form, nn.Module) and form.training != training:
        form.train(training)


def _listed(outputs: Outputs) -> list[Tensor]:
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)
