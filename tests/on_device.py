"""Runs the tests of the ops on another device: `pytest tests/ops --device cuda`.

The tests draw, compare and lay out their tensors on the CPU. Here every public op is wrapped: its tensors go to the
device, strides and gaps included, and what it gives comes back, in both directions of the graph. `--device cpu` copies
too, which shows that the wrapping itself changes nothing.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import ptus_kernels

_CPU = torch.device("cpu")
OPS = [name for name in ptus_kernels.__all__ if name.islower() and name not in ("info", "use_backend")]


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on the device with the same strides, and the same in the gaps between elements."""
    if tensor.numel() == 0:
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
    extent = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    memory = torch.as_strided(tensor, (extent,), (1,), tensor.storage_offset())
    return torch.as_strided(memory.to(device, copy=True), tensor.shape, tensor.stride())


class _Move(torch.autograd.Function):
    """`moved`, and back again for the gradient."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, device: torch.device) -> Tensor:
        ctx.device = tensor.device
        return moved(tensor, device)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        back: Tensor = _Move.apply(gradient, ctx.device)  # type: ignore[no-untyped-call]
        return back, None


def run_ops_on(device: torch.device) -> None:
    """Replace the public ops by ones that run on the device and give tensors on the CPU."""
    for name in OPS:
        setattr(ptus_kernels, name, on_device(device, getattr(ptus_kernels, name)))


def first_config(run: object, configs: Sequence[Any], kernel: str, like: Tensor, shape: Sequence[int | bool]) -> Any:
    """The first of Triton's block sizes, as an answer to which is the best."""
    return configs[0]


def without_measuring() -> None:
    """Let Triton take its first block sizes: to measure all for hundreds of shapes would take longer than the tests."""
    from ptus_kernels.triton import tuning

    tuning._choose = first_config


def on_device(device: torch.device, op: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The op on the device, taking and giving tensors on the CPU."""

    def sent(argument: object) -> object:
        on_cpu = isinstance(argument, Tensor) and argument.device.type == "cpu"
        return _Move.apply(argument, device) if on_cpu else argument  # type: ignore[no-untyped-call]

    @functools.wraps(op)
    def wrapped(*arguments: object, **parameters: object) -> Tensor:
        result = op(*map(sent, arguments), **{name: sent(value) for name, value in parameters.items()})
        back: Tensor = _Move.apply(result, _CPU) if result.device.type == device.type else result  # type: ignore[no-untyped-call]
        return back

    return wrapped
