"""Loads the compiled kernels, once, when the package is imported."""

import importlib.util
import warnings

import torch


def _load(module: str) -> bool:
    """Register the ops of a compiled library of this package; False where it was not built."""
    spec = importlib.util.find_spec(f"ptus_kernels.{module}")
    if spec is None or spec.origin is None:
        return False
    torch.ops.load_library(spec.origin)
    return True


HAS_CPU = _load("_cpu")
# The schemas are in the CPU library; without CUDA in torch, what the CUDA library calls is not there.
HAS_CUDA = HAS_CPU and torch.version.cuda is not None and _load("_cuda")

if not HAS_CPU:
    warnings.warn(
        "ptus_kernels: the compiled kernels are not there, every op runs in plain PyTorch. "
        "Install with a C++ compiler, without PTUS_KERNELS_BUILD=0, to get them.",
        RuntimeWarning,
        stacklevel=2,
    )
