"""What was measured on which GPU: the records in `measured/`, by which the backend of an op is chosen there."""

import datetime
import json
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).parent / "measured"
BACKENDS = ("cuda", "triton")
DIRECTIONS = ("forward", "backward")
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32, "float64": torch.float64}

Milliseconds = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]
"""Op, direction, type, backend: milliseconds."""

_OP = re.compile(r"[a-z][a-z0-9_]*")
_LARGEST = 2**20  # bytes of a file; a record takes some thousands


def file_name_of(gpu: str) -> str:
    """The name of a file about a GPU."""
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-") + ".json"


@dataclass(frozen=True)
class Record:
    """What was measured on one GPU.

    Args:
        gpu: its name as `torch.cuda.get_device_name` gives it.
        torch_version: of PyTorch.
        triton_version: of Triton.
        date: the day, as 2026-11-24.
        milliseconds: of each op, direction, type and backend.

    Raises:
        ValueError: for a part that is not what it should be.
    """

    gpu: str
    torch_version: str
    triton_version: str
    date: str
    milliseconds: Milliseconds

    def __post_init__(self) -> None:
        """Check every part: a record may come from a file."""
        for name in ("gpu", "torch_version", "triton_version", "date"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text:
                raise ValueError(f"{name}: expected a text, got {text!r}")
        datetime.date.fromisoformat(self.date)
        for op, directions in _entries("milliseconds", self.milliseconds):
            if not _OP.fullmatch(op):
                raise ValueError(f"milliseconds: expected the name of an op, got {op!r}")
            for direction, dtypes in _entries(op, directions, DIRECTIONS):
                for dtype, backends in _entries(f"{op} {direction}", dtypes, tuple(DTYPES)):
                    where = f"{op} {direction} {dtype}"
                    times = dict(_entries(where, backends, BACKENDS))
                    if times.keys() != set(BACKENDS):
                        raise ValueError(f"{where}: expected the times of {' and '.join(BACKENDS)}, got {[*times]}")
                    for backend, time in times.items():
                        if type(time) not in (int, float) or not 0 < time < math.inf:
                            raise ValueError(f"{where} {backend}: expected milliseconds, got {time!r}")

    @property
    def file_name(self) -> str:
        """Where a record of this GPU is kept."""
        return file_name_of(self.gpu)

    def fastest(self) -> dict[tuple[str, str, torch.dtype], str]:
        """The faster backend of each op, direction and type."""
        return {
            (op, direction, DTYPES[dtype]): min(BACKENDS, key=lambda backend: times[backend])
            for op, directions in self.milliseconds.items()
            for direction, dtypes in directions.items()
            for dtype, times in dtypes.items()
        }

    def text(self) -> str:
        """As it is written: sorted below the GPU's facts, to be read by people too."""
        facts = asdict(self)
        milliseconds = json.loads(json.dumps(facts.pop("milliseconds"), sort_keys=True))
        return json.dumps({**facts, "milliseconds": milliseconds}, indent=1) + "\n"


def _entries(where: str, found: object, names: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """The entries of what should be a mapping, from some of these names where any are given."""
    if not isinstance(found, Mapping) or not found:
        raise ValueError(f"{where}: expected a mapping with entries, got {found!r}")
    for name in found:
        if not isinstance(name, str) or (names and name not in names):
            raise ValueError(f"{where}: expected {', '.join(names) or 'names'}, got {name!r}")
    return [*found.items()]


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        OSError: where there is no such file.
        ValueError: where it is no record, or one of a GPU that its name does not say.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path}: larger than any record")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        record = Record(**facts)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from error
    if record.file_name != path.name:
        raise ValueError(f"{path}: a record of {record.gpu!r} is kept as {record.file_name}")
    return record


def read_records(folder: Path) -> dict[str, Record]:
    """The records of a folder by GPU; one that cannot be read is left out, and a warning says so."""
    records = {}
    for path in sorted(folder.glob("*.json")):
        try:
            record = read_record(path)
        except (OSError, ValueError) as error:
            warnings.warn(f"ptus_kernels: a record of measurements is left out: {error}", stacklevel=2)
            continue
        records[record.gpu] = record
    return records


RECORDS = read_records(FOLDER)
"""Read once, when the package is imported: nothing may be read while torch.compile traces a call."""
