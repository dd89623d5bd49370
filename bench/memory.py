"""The memory that a call takes: on the CPU as the operating system sees it, on a GPU as PyTorch's allocator does."""

import ctypes
import multiprocessing
import pickle
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.case import Form, Inputs
from bench.device import Device
from bench.model.later import Later
from bench.prepare import bytes_of, in_setting, own, prepare
from bench.settings import Setting
from ptus_kernels import use_backend

CACHED_BYTES = 256 << 10  # what any op may hold, a thread

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD


def peak_memory(setting: Setting, form: str, memory_format: str, device: Device) -> int | None:
    """Bytes that a call takes at its peak beyond its inputs, and beyond outputs that are there before it.

    What is kept between calls, and what a graph saves for its backward, is counted.

    On the CPU it is measured in a process forked from one that has run nothing.

    Args:
        setting: what is called.
        form: "ours" or "eager".
        memory_format: in which this form gets its features.
        device: where.

    Returns:
        Bytes; None where the system does not tell (on the CPU: not Linux), or where the call fails there.
    """
    if device.name == "cuda":
        try:
            return _peak_on_gpu(setting, form, _inputs(setting, memory_format))
        except torch.OutOfMemoryError:
            return None
    if not _CLEAR.exists():
        return None
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.memory"])
    receiver, sender = context.Pipe(duplex=False)
    alone = replace(setting, case=replace(setting.case, op=replace(setting.case.op, peers=())))
    copied = pickle.dumps(
        alone
    )  # in one piece: multiprocessing would share each weight of a model by a file of its own
    child = context.Process(target=_measure, args=(copied, form, memory_format, device.threads, sender))
    child.start()
    sender.close()
    try:
        peak: int = receiver.recv()
    except EOFError:  # the system ended it, or it raised: it has said why
        return None
    finally:
        child.join()
    return peak


def memory_allowed(setting: Setting, inputs: Inputs, results: int, threads: int) -> int | None:
    """Bytes that the design allows beyond the inputs: results, one transposed sample, one float32 sum, small sums.

    Args:
        setting: what is called.
        inputs: its arguments.
        results: bytes of what it returns.
        threads: of the CPU.
    """
    op = setting.case.op
    if not op.limits_memory:
        return None
    scratch = 0
    if op.transposed and setting.memory_format == "contiguous":
        scratch += bytes_of([inputs[op.transposed][:1]])
    if setting.dtype != "float32" and setting.direction != "forward":
        scratch += 4 * inputs[op.features[0]].numel()
    return results + scratch + CACHED_BYTES * threads


def _peak_on_gpu(setting: Setting, form: str, inputs: Inputs) -> int:
    model = _own(setting, form, inputs)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    prepared = prepare(model, inputs, setting.direction)
    prepared.run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    prepared.run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before - bytes_of(prepared.held)


def _inputs(setting: Setting, memory_format: str) -> Inputs:
    inputs = setting.case.draw(torch.Generator(setting.device).manual_seed(0), setting.batch)
    return in_setting(setting.case.op, inputs, setting.dtype, memory_format)


def _own(setting: Setting, name: str, inputs: Inputs) -> Form:
    """A form of its own, whose weights are there: what is sent to another process shares its memory."""
    form = own(setting.case.op.ours if name == "ours" else setting.case.op.eager)
    if isinstance(form, Later):
        form.build(next(iter(inputs.values())))
    return form


def _measure(copied: bytes, form: str, memory_format: str, threads: int, result: Connection) -> None:
    # Large blocks go back to the system when they are freed, so that resident memory is what is in use.
    ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 16)
    torch.set_num_threads(threads)
    setting: Setting = pickle.loads(copied)
    inputs = _inputs(setting, memory_format)
    torch.ones(1 << 20).sum()  # starts the threads
    with use_backend(setting.backend):
        model = _own(setting, form, inputs)
        if not setting.case.op.is_model:  # imports what a first call imports
            prepare(model, {name: tensor[:0] for name, tensor in inputs.items()}, setting.direction).run()
        before = _kilobytes("RssAnon")
        prepared = prepare(model, inputs, setting.direction)
        prepared.run()
        kept = (_kilobytes("RssAnon") - before) * 1024 - bytes_of(prepared.held)
        _CLEAR.write_text("5", encoding="ascii")
        resident = _kilobytes("VmRSS")
        prepared.run()
        result.send(max(0, (_kilobytes("VmHWM") - resident) * 1024 + kept))  # pages: a few bytes may be less than none


def _kilobytes(field: str) -> int:
    """A figure of this process: VmRSS is resident now, VmHWM at its peak, RssAnon without mapped files."""
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise RuntimeError(f"{_STATUS} has no {field}")
