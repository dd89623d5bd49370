"""The memory that a call takes, measured as the operating system sees it: every allocator, every thread."""

import ctypes
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.case import THREADS, Case, Direction, bytes_of, prepare

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD


def peak_memory(case: Case, direction: Direction) -> int | None:
    """Bytes that a call takes beyond its inputs (and its graph) at its peak, scratch kept between calls included.

    Measured in a process forked from one that has run nothing. None where the system does not tell (not Linux).
    """
    if not _CLEAR.exists():
        return None
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.memory", "pytest"])
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(case, direction, sender))
    child.start()
    sender.close()
    try:
        peak: int = receiver.recv()
    finally:
        child.join()
    return peak


def _measure(case: Case, direction: Direction, result: Connection) -> None:
    # Large blocks go back to the system when they are freed, so that resident memory is what is in use.
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 16)
    torch.set_num_threads(THREADS)
    inputs = case.inputs()
    torch.ones(1 << 20).sum()  # starts the threads
    empty = {name: tensor[:0] for name, tensor in inputs.items()}
    prepare(case.ours, empty, direction).run()  # imports what a first call imports
    before = _kilobytes("RssAnon")
    prepared = prepare(case.ours, inputs, direction)
    prepared.run()
    kept = (_kilobytes("RssAnon") - before) * 1024 - bytes_of(prepared.held)
    _CLEAR.write_text("5", encoding="ascii")
    resident = _kilobytes("VmRSS")
    prepared.run()
    result.send((_kilobytes("VmHWM") - resident) * 1024 + kept)


def _kilobytes(field: str) -> int:
    """A figure of this process: VmRSS is resident now, VmHWM at its peak, RssAnon without mapped files."""
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise RuntimeError(f"{_STATUS} has no {field}")
