"""The machine that a benchmark ran on, and what its memory and arithmetic give at best."""

import datetime
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import ptus_kernels
from bench.device import Device
from bench.rows import Times

COPY_BYTES = {"cpu": 256 << 20, "cuda": 1 << 30}
MATRIX_SIDE = {"cpu": 2048, "cuda": 8192}


def facts(device: Device) -> dict[str, Any]:
    """What a figure means nothing without: processor, GPU, threads, kernels, versions, date."""
    info = ptus_kernels.info()
    gpu = torch.cuda.get_device_properties() if device.name == "cuda" else None
    capability = info.get("cpu_capability", "none: no compiled kernels")
    return {
        "cpu": cpu_name(),
        "gpu": gpu.name if gpu else None,
        "device": device.name,
        "threads": device.threads,
        "capability": f"sm_{gpu.major}{gpu.minor}" if gpu else capability,
        "torch": torch.__version__,
        "triton": _version("triton"),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu_name() -> str:
    """The processor's model name."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def copy_bandwidth(device: Device) -> float:
    """Bytes a second, read and written, of a copy too large for any cache; the median of nine."""
    size = COPY_BYTES[device.name]
    source = torch.ones(size // 4, device=device.name)
    target = torch.empty_like(source)
    return 2 * size / _median(device, lambda: [target.copy_(source)])


def peak_operations(device: Device) -> float:
    """Floating-point operations a second of a large float32 matrix product; the median of nine."""
    side = MATRIX_SIDE[device.name]
    left, right = torch.ones(2, side, side, device=device.name)
    product = torch.empty_like(left)
    return 2 * side**3 / _median(device, lambda: [torch.mm(left, right, out=product)])


def _median(device: Device, run: Any) -> float:
    return Times.of([device.seconds([run]) for _ in range(10)][1:]).median
