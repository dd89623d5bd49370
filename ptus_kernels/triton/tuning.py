"""Launches kernels with the block sizes that were fastest on this device, and remembers those on disk.

The choice is made at the first call with a device, kernel, type and shape (to the next power of two), from a list of
a few, and kept as JSON in PTUS_KERNELS_CACHE_DIR, otherwise in the user's cache folder. While a CUDA graph is being
captured, and where kernels run in Triton's interpreter, nothing is measured and an unknown shape takes the first.
"""

import json
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import triton
from torch import Tensor

Result = TypeVar("Result")

ROUNDS = 5


@dataclass(frozen=True)
class Config:
    """How many points and channels a program works on, and with how many warps."""

    points: int
    channels: int
    num_warps: int


_known: dict[Path, dict[str, Config]] = {}
_chosen: dict[tuple[object, ...], Config] = {}  # what takes no time to look up at every call


def launch(
    run: Callable[[Config], Result],
    configs: Sequence[Config],
    kernel: str,
    like: Tensor,
    shape: Sequence[int | bool],
    sums: Sequence[Tensor | None] = (),
) -> Result:
    """Call `run` with the best of `configs`, and return what it returns.

    Args:
        run: launches the kernel; called repeatedly where the choice must be made.
        configs: what to choose from, the default first.
        kernel: the kernel's name.
        like: gives device and type.
        shape: what else the choice depends on.
        sums: tensors that the kernel adds to, in no fixed order: set to 0 here.

    Raises:
        RuntimeError: for a sum on a GPU under `torch.use_deterministic_algorithms(True)`, as from PyTorch's own.
    """
    if like.is_cuda and any(tensor is not None for tensor in sums):
        _alert_not_deterministic(kernel)
    config = configs[0]
    # What is fastest may be another one in the next process, and sums in another order then.
    repeatable = torch.are_deterministic_algorithms_enabled()
    if len(configs) > 1 and like.is_cuda and not triton.knobs.runtime.interpret and not repeatable:
        call = (kernel, like.device, like.dtype, *shape)
        if call not in _chosen:
            found = _choose(run, configs, kernel, like, shape)
            if found is not None:
                _chosen[call] = found
        config = _chosen.get(call, configs[0])
    for tensor in sums:
        if tensor is not None:
            tensor.zero_()
    return run(config)


def _alert_not_deterministic(kernel: str) -> None:
    if not torch.are_deterministic_algorithms_enabled():
        return
    message = f"{kernel} in Triton adds to a gradient in no fixed order, and deterministic algorithms are asked for"
    if not torch.is_deterministic_algorithms_warn_only_enabled():
        raise RuntimeError(message)
    warnings.warn(message, stacklevel=2)


def _choose(
    run: Callable[[Config], Any], configs: Sequence[Config], kernel: str, like: Tensor, shape: Sequence[int | bool]
) -> Config | None:
    """The best configuration as it is known or found by measuring; None where nothing may be measured now."""
    path = _path(torch.cuda.get_device_name(like.device))
    if path not in _known:
        _known[path] = _read(path)
    buckets = "x".join(str(int(n).bit_length() if n > 1 else int(n)) for n in shape)
    key = f"{kernel} {str(like.dtype).removeprefix('torch.')} {buckets}"
    config = _known[path].get(key)
    if config is not None and config in configs:
        return config
    if torch.cuda.is_current_stream_capturing():
        return None
    best = min(configs, key=lambda candidate: _milliseconds(run, candidate))
    _known[path][key] = best
    _write(path, key, best)
    return best


def _milliseconds(run: Callable[[Config], Any], config: Config) -> float:
    """The shortest of a few runs; infinite where the device has not the room for it."""
    try:
        run(config)  # compiles
        times: list[float] = []
        for _ in range(ROUNDS):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            run(config)
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        return min(times)
    except triton.runtime.errors.OutOfResources:
        return float("inf")


def cache_folder() -> Path:
    """Where the choices are kept."""
    folder = os.environ.get("PTUS_KERNELS_CACHE_DIR")
    if folder:
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ptus_kernels"


def _path(device: str) -> Path:
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{device} triton {triton.__version__}").lower()
    return cache_folder() / f"{name}.json"


def _read(path: Path) -> dict[str, Config]:
    """The choices in a file; whatever else it holds is left aside."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = {}
    for key, value in entries.items() if isinstance(entries, dict) else ():
        numbers = asdict(Config(0, 0, 0)).keys()
        if isinstance(value, dict) and value.keys() == numbers and all(type(n) is int for n in value.values()):
            found[key] = Config(**value)
    return found


def _write(path: Path, key: str, config: Config) -> None:
    """Add a choice to a file as others have left it; where it cannot be written, the choice is for this process."""
    entries = {name: asdict(entry) for name, entry in _read(path).items()} | {key: asdict(config)}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(entries, file, indent=1, sort_keys=True)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
