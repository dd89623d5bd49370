"""The tensors of a call on a GPU, what comes of them there, and whether that is right."""

import torch
from torch import Tensor

from tests.on_device import moved
from tests.ops.calls import Call, Op


def on(call: Call, device: torch.device) -> tuple[list[Tensor | None], Tensor]:
    """The tensors of a call as leaves on a device, and the gradient of its output."""
    leaves = [None if tensor is None else moved(tensor, device).requires_grad_() for tensor in call.tensors]
    return leaves, moved(call.grad_output, device)


def outcome(call: Call, leaves: list[Tensor | None], grad_output: Tensor, op: Op | None = None) -> list[Tensor]:
    """The output, then the gradient of each tensor; of another form of the op, if there is one."""
    output = (op or call.op)(*leaves, **call.parameters)
    present = [leaf for leaf in leaves if leaf is not None]
    return [output, *torch.autograd.grad(output, present, grad_output)]


def assert_right(call: Call, found: list[Tensor]) -> None:
    """Close to what plain PyTorch gives on the CPU, in float32."""
    for tensor, expected in zip(found, call.eager_outcome(), strict=True):
        torch.testing.assert_close(tensor.cpu(), expected, rtol=1e-4, atol=1e-4)
