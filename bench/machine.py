"""The machine that a benchmark ran on."""

import datetime
import platform
import time
from pathlib import Path
from typing import Any

import torch

import ptus_kernels
from bench.rows import Times

COPY_BYTES = 256 << 20


def facts() -> dict[str, Any]:
    """What a figure means nothing without: processor, threads, kernels, versions, date."""
    info = ptus_kernels.info()
    return {
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "backend": info["backend"],
        "capability": info.get("cpu_capability", "none: no compiled kernels"),
        "torch": torch.__version__,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def cpu_name() -> str:
    """The processor's model name."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def copy_bandwidth() -> float:
    """Bytes a second, read and written, of a copy too large for any cache; the median of nine."""
    source = torch.ones(COPY_BYTES // 4)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        target.copy_(source)
        seconds.append(time.perf_counter() - start)
    return 2 * COPY_BYTES / Times.of(seconds[1:]).median
