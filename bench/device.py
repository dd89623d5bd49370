"""The device that is measured: its clock, and how much its caches hold."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

Run = Callable[[], list[Tensor]]
Draw = Callable[[torch.Generator, int], dict[str, Tensor]]

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNKNOWN_CACHE = 64 << 20
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Device(ABC):
    """A device with a clock.

    Args:
        threads: of the CPU that PyTorch may use.
    """

    name: str

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def draw(self, draw: Draw, batch: int, seed: int) -> dict[str, Tensor]:
        """Inputs there, the same for the same seed."""
        return draw(torch.Generator(self.name).manual_seed(seed), batch)

    @property
    @abstractmethod
    def cache_bytes(self) -> int:
        """Bytes of the last cache before the memory."""

    @abstractmethod
    def seconds(self, runs: Sequence[Run]) -> float:
        """Seconds a call, of calls one after the other."""

    @abstractmethod
    def wait(self) -> None:
        """Until everything that was started there is done."""

    @abstractmethod
    def calls(self, seconds: float, copies: int) -> int:
        """How many calls, of `seconds` each, to time at once: a multiple of `copies` if more than one."""


class Cpu(Device):
    """The processor: every call is timed by itself."""

    name = "cpu"

    @property
    def cache_bytes(self) -> int:
        """The largest cache that the system tells of."""
        sizes = [path.read_text(encoding="ascii").strip() for path in _CACHES.glob("index*/size")]
        return max((int(size[:-1]) * _UNITS[size[-1]] for size in sizes), default=_UNKNOWN_CACHE)

    def seconds(self, runs: Sequence[Run]) -> float:
        """By the system's clock; what a call returns is freed outside the time."""
        total = 0.0
        for run in runs:
            start = time.perf_counter()
            result = run()
            total += time.perf_counter() - start
            del result
        return total / len(runs)

    def wait(self) -> None:
        """Nothing to wait for."""

    def calls(self, seconds: float, copies: int) -> int:
        """One."""
        return 1


class Cuda(Device):
    """The current GPU: a series of calls between two events, without waiting for any of them."""

    name = "cuda"
    SERIES_SECONDS = 5e-3
    MOST_CALLS = 400

    @property
    def cache_bytes(self) -> int:
        """The second-level cache."""
        size: int = torch.cuda.get_device_properties().L2_cache_size
        return size

    def seconds(self, runs: Sequence[Run]) -> float:
        """By the GPU's clock."""
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        for run in runs:
            run()
        end.record()
        end.synchronize()
        milliseconds: float = start.elapsed_time(end)
        return milliseconds / 1e3 / len(runs)

    def wait(self) -> None:
        """For all streams."""
        torch.cuda.synchronize()

    def calls(self, seconds: float, copies: int) -> int:
        """Enough for the events' resolution, each copy as often as the others."""
        wanted = min(int(self.SERIES_SECONDS / seconds) + 1, self.MOST_CALLS)
        return -(-wanted // copies) * copies


DEVICES: dict[str, type[Device]] = {"cpu": Cpu, "cuda": Cuda}
