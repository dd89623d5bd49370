"""Attaches to the ops what the dispatcher needs from Python: shapes, autograd and double backward.

Every op has one shape of signature: tensors first (some optional), then parameters; `<op>_backward` takes the output's
gradient, the same arguments, a mask and whether to be bitwise repeatable, and returns the gradients asked for, in
order. So one function wires them all.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ptus_kernels import library
from ptus_kernels.backend import backward_implementation, chooses_backward, is_transformed, set_plain
from ptus_kernels.memory_format import empty_in_format_of

Op = Callable[..., Any]

_ATTACH: dict[str, Callable[[str], None]] = {}

OPS = _ATTACH.keys()
"""The names of all ops, as they are registered."""


def register(name: str, *, fake: Op, twice_differentiable: Op, tensors: int, features: Sequence[int]) -> None:
    """Register everything but the kernels of `ptus_kernels::<name>` and `ptus_kernels::<name>_backward`.

    Where there is no compiled library there are no such ops; what is said here then waits for `register_like`.

    Args:
        name: the op's name in its schema.
        fake: returns an empty output for the op's arguments.
        twice_differentiable: the op in plain PyTorch, through which the backward op is differentiated.
        tensors: how many of the leading arguments are tensors.
        features: positions of the arguments whose gradients keep their memory format; the others' are contiguous.
    """
    _ATTACH[name] = partial(
        _attach,
        name,
        fake=fake,
        twice_differentiable=twice_differentiable,
        tensors=tensors,
        features=features,
    )
    set_plain(name, twice_differentiable)
    if library.HAS_CPU:
        _ATTACH[name](name)


def register_like(name: str, other: str) -> None:
    """Register the same for `ptus_kernels::<other>`, another implementation of the op `name` with its signature."""
    _ATTACH[name](other)


def _gradients(
    op: Op,
    arguments: Sequence[Tensor | None],
    parameters: Sequence[Any],
    mask: Sequence[bool],
    grad_output: Tensor,
    create_graph: bool,
) -> tuple[Tensor, ...]:
    """The gradients of an op in plain PyTorch, of the arguments that are asked for."""
    with torch.enable_grad():
        # What one input does through another is not this op's: a view of each cuts it off, and still leads back.
        inputs: list[Any] = [
            argument.view_as(argument) if argument is not None and argument.requires_grad else argument
            for argument in arguments
        ]
        output = op(*inputs, *parameters)
        asked = [tensor for tensor, wanted in zip(inputs, mask, strict=True) if wanted]
        return torch.autograd.grad(
            output, asked, [grad_output], create_graph=create_graph, allow_unused=True, materialize_grads=True
        )


def _attach(op: str, name: str, *, fake: Op, twice_differentiable: Op, tensors: int, features: Sequence[int]) -> None:
    """Register these for `ptus_kernels::<name>`, an implementation of `op`."""
    qualified, qualified_backward = f"ptus_kernels::{name}", f"ptus_kernels::{name}_backward"
    backward_op = getattr(torch.ops.ptus_kernels, f"{name}_backward").default

    def fake_backward(grad_output: Tensor, *arguments: Any) -> list[Tensor]:
        return [
            empty_in_format_of(argument, argument.shape)
            if position in features
            else torch.empty(argument.shape, dtype=argument.dtype, device=argument.device)
            for position, (argument, wanted) in enumerate(zip(arguments, arguments[-2], strict=False))
            if wanted
        ]

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:tensors])
        ctx.parameters = inputs[tensors:]
        ctx.chooses = chooses_backward(output)

    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        mask = list(ctx.needs_input_grad[:tensors])
        deterministic = torch.are_deterministic_algorithms_enabled()
        saved = ctx.saved_tensors
        if is_transformed():  # the gradient of the output may have a tangent, which kernels would lose
            found = _gradients(twice_differentiable, saved, ctx.parameters, mask, grad_output, torch.is_grad_enabled())
        else:
            run = backward_implementation(op, saved[0]) if ctx.chooses else backward_op
            found = run(grad_output, *saved, *ctx.parameters, mask, deterministic)
        gradients = iter(found)
        return (*(next(gradients) if wanted else None for wanted in mask), *(None for _ in ctx.parameters))

    def setup_double_context(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
        ctx.save_for_backward(*inputs[: tensors + 1])
        ctx.parameters = inputs[tensors + 1 : -2]
        ctx.mask = inputs[-2]

    def double_backward(ctx: Any, grad_gradients: list[Tensor]) -> tuple[Tensor | None, ...]:
        again = torch.is_grad_enabled()
        with torch.enable_grad():
            inputs: list[Any] = [
                saved.view_as(saved) if wanted else None if saved is None else saved.detach().requires_grad_()
                for saved, wanted in zip(ctx.saved_tensors, ctx.needs_input_grad, strict=False)
            ]
            grad_output, *arguments = inputs
            gradients = _gradients(twice_differentiable, arguments, ctx.parameters, ctx.mask, grad_output, True)
            pairs = [
                (gradient, grad_gradient)
                for gradient, grad_gradient in zip(gradients, grad_gradients, strict=True)
                if grad_gradient is not None and gradient.requires_grad
            ]
            present = [tensor for tensor in inputs if tensor is not None]
            found: Sequence[Tensor | None] = [None] * len(present)
            if pairs:
                found = torch.autograd.grad(
                    [gradient for gradient, _ in pairs],
                    present,
                    [given for _, given in pairs],
                    create_graph=again,
                    allow_unused=True,
                )
        second = iter(found)
        return (
            *(None if tensor is None else next(second) for tensor in inputs),
            *(None for _ in ctx.parameters),
            None,
            None,
        )

    torch.library.register_fake(qualified, fake)
    torch.library.register_fake(qualified_backward, fake_backward)
    torch.library.register_autograd(qualified, backward, setup_context=setup_context)
    torch.library.register_autograd(qualified_backward, double_backward, setup_context=setup_double_context)
