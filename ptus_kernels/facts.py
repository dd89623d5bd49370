"""What is built, what is chosen and why."""

from typing import Any

import torch

from ptus_kernels import library
from ptus_kernels.backend import HAS_TRITON, MEASURED, NOT_MEASURED, choice, chosen_backend, gpu_name
from ptus_kernels.measurements import DIRECTIONS, DTYPES, RECORDS
from ptus_kernels.registration import OPS


def _cuda() -> str:
    if library.HAS_CUDA:
        return "built"
    if torch.version.cuda is None:
        return "not there: this PyTorch has no CUDA"
    return "not built: installed without nvcc, or with PTUS_KERNELS_CUDA=0"


def _device() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def chosen_for(device: torch.device) -> dict[str, dict[str, str]]:
    """Of each op the backend in each direction on this device, and why; types apart where they differ."""
    return {op: {direction: _chosen(op, direction, device) for direction in DIRECTIONS} for op in sorted(OPS)}


def _chosen(op: str, direction: str, device: torch.device) -> str:
    dtypes_of: dict[str, list[str]] = {}
    for name, dtype in DTYPES.items():
        backend, reason = choice(op, direction, dtype, device)
        if reason in (MEASURED, NOT_MEASURED):
            reason = f"{reason} {gpu_name(device)}"
        dtypes_of.setdefault(f"{backend} ({reason})", []).append(name)
    if len(dtypes_of) == 1:
        return next(iter(dtypes_of))
    return "; ".join(f"{', '.join(names)}: {chosen}" for chosen, names in dtypes_of.items())


def info() -> dict[str, Any]:
    """Facts about this installation: versions, the build, the backend in force, which backend runs each op on this
    machine's GPU or CPU and why, the GPUs that were measured, and the capability that the CPU's kernels use.
    """
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
        "chosen": chosen_for(_device()),
        "measured_gpus": sorted(RECORDS),
    }
    if library.HAS_CPU:
        from ptus_kernels import _info

        facts["build"] = _info.build()
        facts["cpu_capability"] = torch.ops.ptus_kernels.cpu_capability()
    return facts
