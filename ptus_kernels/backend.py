"""Which implementation of an op runs: the one place where backends are chosen."""

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ptus_kernels import library
from ptus_kernels.measurements import RECORDS

BACKENDS = ("auto", "cpu", "cuda", "triton", "reference")

HAS_TRITON = importlib.util.find_spec("triton") is not None
"""Whether Triton is installed. It is imported only when the first of its ops is to run."""

MEASURED, NOT_MEASURED = "measured on", "the default: not measured on"
"""Why a backend was chosen, of the reasons that concern one GPU."""

_fastest = {gpu: record.fastest() for gpu, record in RECORDS.items()}
_plain: dict[str, Callable[..., Any]] = {}
_gpu_names: dict[int | None, str] = {}  # by device index: asking the driver takes longer than a launch


def _checked(name: str, source: str) -> str:
    if name not in BACKENDS:
        raise ValueError(f"{source}: expected one of {', '.join(BACKENDS)}, got {name!r}")
    if name == "triton" and not HAS_TRITON:
        raise RuntimeError(f"{source}: backend 'triton' needs the triton package, which is not installed")
    built = {"cpu": library.HAS_CPU, "cuda": library.HAS_CUDA}
    if not built.get(name, True):
        raise RuntimeError(f"{source}: backend {name!r} is not built; see ptus_kernels.info()")
    return name


class _Choice:
    """A choice of a backend; each is another, though the names be alike."""

    def __init__(self, name: str) -> None:
        self.name = name


# The last one is in force. Blocks of several threads end in any order, and each takes its own choice back.
_choices = [_Choice(_checked(os.environ.get("PTUS_KERNELS_BACKEND", "auto"), "PTUS_KERNELS_BACKEND"))]


def chosen_backend() -> str:
    """The backend in force: "auto" unless PTUS_KERNELS_BACKEND or `use_backend` says otherwise."""
    return _choices[-1].name


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Force a backend for the calls inside the block, in every thread; the gradients of these calls come from it too.

    Where blocks overlap, the one that was entered last decides.

    Args:
        name: "auto", "cpu", "cuda", "triton" or "reference".

    Raises:
        ValueError: for another name.
        RuntimeError: for a backend that was not built.
    """
    choice = _Choice(_checked(name, "use_backend"))
    _choices.append(choice)
    try:
        yield
    finally:
        _choices.remove(choice)


def choice(name: str, direction: str, dtype: torch.dtype, device: torch.device) -> tuple[str, str]:
    """The backend of an op for tensors on a device, and why.

    Args:
        name: the op.
        direction: "forward" or "backward".
        dtype: the type of its feature, the first tensor.
        device: where the tensors are.
    """
    if (chosen := chosen_backend()) != "auto":
        return chosen, "forced"
    if device.type == "cuda":
        return _choice_on_gpu(name, direction, dtype, device)
    if library.HAS_CPU and device.type in ("cpu", "meta"):
        return "cpu", "built"
    return "reference", f"no kernels for {device.type} are built"


def _choice_on_gpu(name: str, direction: str, dtype: torch.dtype, device: torch.device) -> tuple[str, str]:
    if not library.HAS_CUDA:
        return ("triton", "cuda is not built") if HAS_TRITON else ("reference", "no kernels for cuda are there")
    if not HAS_TRITON:
        return "cuda", "triton is not installed"
    if direction == "backward" and torch.are_deterministic_algorithms_enabled():
        return "cuda", "deterministic algorithms are asked for"  # in Triton some sums have no fixed order
    if _fastest:
        fastest = _fastest.get(gpu_name(device), {}).get((name, direction, dtype))
        if fastest is not None:
            return fastest, MEASURED
    return "cuda", NOT_MEASURED


def gpu_name(device: torch.device) -> str:
    """The name of a GPU; none where tensors only pretend to be on one."""
    if device.index not in _gpu_names:
        there = torch.cuda.is_available()
        _gpu_names[device.index] = torch.cuda.get_device_properties(device).name if there else ""
    return _gpu_names[device.index]


def implementation(name: str, reference: Callable[..., Any], tensor: Tensor) -> Callable[..., Any]:
    """What runs the op `name` for this tensor: the registered op, or `reference`, which has the same signature.

    Under the transforms of `torch.func` and in forward-mode differentiation it is the op in plain PyTorch, which says
    so: PyTorch does not take registered ops through the first, and through the second without a tangent.

    Raises:
        RuntimeError: where a forced backend cannot run on the tensor's device, or not under what transforms the call.
    """
    chosen, device = chosen_backend(), tensor.device.type
    if is_transformed():
        return _plain_op(name, chosen)
    if chosen == "reference":
        return reference
    if chosen == "triton":
        return _triton_op(name, tensor)
    if chosen == "auto" and device == "cuda":
        if _choice_on_gpu(name, "forward", tensor.dtype, tensor.device)[0] == "triton":
            return _triton_op(name, tensor)
    elif chosen not in ("auto", device) and device != "meta":
        raise RuntimeError(f"{name}: backend {chosen!r} is forced and cannot run on {tensor.device}")
    has_kernels = library.HAS_CUDA if device == "cuda" else library.HAS_CPU and device in ("cpu", "meta")
    if has_kernels:
        op: Callable[..., Any] = getattr(torch.ops.ptus_kernels, name).default
        return op
    if device != "cpu":
        warnings.warn(f"{name}: no kernels for {device}, running in plain PyTorch", stacklevel=3)
    return reference


def set_plain(name: str, op: Callable[..., Any]) -> None:
    """Say what the op `name` is in plain PyTorch, differentiable any number of times."""
    _plain[name] = op


def is_transformed() -> bool:
    """Whether a transform of `torch.func`, or forward-mode differentiation, is at work."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def _plain_op(name: str, chosen: str) -> Callable[..., Any]:
    where = "under torch.func and in forward-mode differentiation"
    if chosen not in ("auto", "reference"):
        raise RuntimeError(f"{name}: backend {chosen!r} is forced and cannot run {where}")
    if chosen == "auto":
        warnings.warn(f"{name}: no kernels {where}, running in plain PyTorch", stacklevel=4)
    return _plain[name]


def chooses_backward(output: Tensor) -> bool:
    """Whether the backward of the call that gave this output is to be chosen too. Otherwise it is that of the op that
    ran: a backend that is forced for a call is forced for its gradients, wherever these are asked for.
    """
    return output.is_cuda and chosen_backend() == "auto"


def backward_implementation(name: str, tensor: Tensor) -> Callable[..., Any]:
    """What runs the backward of the op `name` for this tensor on a GPU, if that is to be chosen. It may be another
    backend's than the forward's: both take the op's inputs, and nothing else is kept.
    """
    backend, _ = _choice_on_gpu(name, "backward", tensor.dtype, tensor.device)
    if backend == "triton":
        return _triton_op(name, tensor, "_backward")
    op: Callable[..., Any] = getattr(torch.ops.ptus_kernels, f"{name}_backward").default
    return op


def _triton_op(name: str, tensor: Tensor, direction: str = "") -> Callable[..., Any]:
    from ptus_kernels.triton import ops

    if tensor.device.type == "cpu" and not ops.INTERPRETED:
        message = "on the CPU Triton runs in its interpreter only, with TRITON_INTERPRET=1 from the start"
        raise RuntimeError(f"{name}: backend 'triton' is forced and cannot run on cpu: {message}")
    if tensor.device.type not in ("cpu", "cuda", "meta"):
        raise RuntimeError(f"{name}: backend 'triton' is forced and cannot run on {tensor.device}")
    op: Callable[..., Any] = getattr(torch.ops.ptus_kernels, f"{name}_triton{direction}").default
    return op
