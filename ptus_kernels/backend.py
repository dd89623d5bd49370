"""Which implementation of an op runs: the one place where backends are chosen."""

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ptus_kernels import library

BACKENDS = ("auto", "cpu", "cuda", "triton", "reference")

HAS_TRITON = importlib.util.find_spec("triton") is not None
"""Whether Triton is installed. It is imported only when the first of its ops is to run."""


def _checked(name: str, source: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"{source}: expected one of {', '.join(BACKENDS)}, got {name!r}")
    if name == "triton" and not HAS_TRITON:
        raise RuntimeError(f"{source}: backend 'triton' needs the triton package, which is not installed")
    built = {"cpu": library.HAS_CPU, "cuda": library.HAS_CUDA}
    if not built.get(name, True):
        raise RuntimeError(f"{source}: backend {name!r} is not built; see ptus_kernels.info()")
    return name


_chosen = _checked(os.environ.get("PTUS_KERNELS_BACKEND", "auto"), "PTUS_KERNELS_BACKEND")


def chosen_backend() -> str:
    """The backend in force: "auto" unless PTUS_KERNELS_BACKEND or `use_backend` says otherwise."""
    return _chosen


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Force a backend for the calls inside the block, in every thread.

    Args:
        name: "auto", "cpu", "cuda", "triton" or "reference".

    Raises:
        ValueError: for another name.
        RuntimeError: for a backend that was not built.
    """
    global _chosen
    before, _chosen = _chosen, _checked(name, "use_backend")
    try:
        yield
    finally:
        _chosen = before


def implementation(name: str, reference: Callable[..., Any], tensor: Tensor) -> Callable[..., Any]:
    """What runs the op `name` for this tensor: the registered op, or `reference`, which has the same signature.

    Raises:
        RuntimeError: where a forced backend cannot run on the tensor's device.
    """
    if _chosen == "reference":
        return reference
    device = tensor.device.type
    if _chosen == "triton" or (_chosen == "auto" and device == "cuda" and HAS_TRITON and not library.HAS_CUDA):
        return _triton_op(name, tensor)
    if _chosen not in ("auto", device) and device != "meta":
        raise RuntimeError(f"{name}: backend {_chosen!r} is forced and cannot run on {tensor.device}")
    has_kernels = library.HAS_CUDA if device == "cuda" else library.HAS_CPU and device in ("cpu", "meta")
    if has_kernels:
        op: Callable[..., Any] = getattr(torch.ops.ptus_kernels, name).default
        return op
    if device != "cpu":
        warnings.warn(f"{name}: no kernels for {device}, running in plain PyTorch", stacklevel=3)
    return reference


def _triton_op(name: str, tensor: Tensor) -> Callable[..., Any]:
    from ptus_kernels.triton import ops

    if tensor.device.type == "cpu" and not ops.INTERPRETED:
        message = "on the CPU Triton runs in its interpreter only, with TRITON_INTERPRET=1 from the start"
        raise RuntimeError(f"{name}: backend 'triton' is forced and cannot run on cpu: {message}")
    if tensor.device.type not in ("cpu", "cuda", "meta"):
        raise RuntimeError(f"{name}: backend 'triton' is forced and cannot run on {tensor.device}")
    op: Callable[..., Any] = getattr(torch.ops.ptus_kernels, f"{name}_triton").default
    return op
