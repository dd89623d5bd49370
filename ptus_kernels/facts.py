"""What is built, what is chosen and why."""

from typing import Any

import torch

from ptus_kernels import library
from ptus_kernels.backend import HAS_TRITON, chosen_backend


def _cuda() -> str:
    if library.HAS_CUDA:
        return "built"
    if torch.version.cuda is None:
        return "not there: this PyTorch has no CUDA"
    return "not built: installed without nvcc, or with PTUS_KERNELS_CUDA=0"


def info() -> dict[str, Any]:
    """Facts about this installation: versions, the build, the backend in force and the CPU capability it uses."""
    facts: dict[str, Any] = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "backend": chosen_backend(),
        "backends": {
            "cpu": "built" if library.HAS_CPU else "not built: installed without compiled kernels",
            "cuda": _cuda(),
            "triton": "compiled when first used" if HAS_TRITON else "not there: the triton package is not installed",
            "reference": "plain PyTorch, always there",
        },
    }
    if library.HAS_CPU:
        from ptus_kernels import _info

        facts["build"] = _info.build()
        facts["cpu_capability"] = torch.ops.ptus_kernels.cpu_capability()
    return facts
