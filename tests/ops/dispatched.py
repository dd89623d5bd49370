"""Records which ops reach the dispatcher, and with what."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Dispatched = tuple[torch._ops.OpOverload, tuple[Any, ...]]


@contextmanager
def dispatched_ops(namespace: str) -> Iterator[list[Dispatched]]:
    """The ops of a namespace that run inside the block, each with its arguments: tensors as fresh leaves."""
    ops: list[Dispatched] = []

    class Recorder(TorchDispatchMode):
        def __torch_dispatch__(
            self,
            func: Callable[..., Any],
            types: Sequence[type],
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            if isinstance(func, torch._ops.OpOverload) and func.namespace == namespace:
                ops.append((func, tuple(_leaf(argument) for argument in args)))
            return func(*args, **(kwargs or {}))

    with Recorder():  # type: ignore[no-untyped-call]
        yield ops


def _leaf(argument: object) -> object:
    return argument.detach().clone().requires_grad_() if isinstance(argument, Tensor) else argument
