"""Where the time of a model's call goes, by the modules that its operators run in."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any

from torch import nn
from torch.autograd.profiler import record_function
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from bench.device import Device
from bench.model.entry import Entry
from bench.prepare import prepare
from bench.rows import Stages
from ptus_kernels import use_backend

CALLS = 5
MARK = "stage: "
BACKWARD = "autograd::engine::evaluate_function"


def stages_of(entry: Entry, device: Device, backend: str, direction: str) -> list[Stages]:
    """Profile a few calls of either form of a model; the seconds of one call, by stage.

    Args:
        entry: the model.
        device: where; the seconds are those of its own clock.
        backend: of our ops.
        direction: "forward" or "both".
    """
    found = []
    for form, model in (("ours", entry.ours), ("eager", entry.eager)):
        inputs = device.draw(entry.draw, 1, 20)
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.name == "cuda" else [])]
        model = deepcopy(model)
        with use_backend(backend):
            prepared = prepare(model, inputs, direction)
            prepared.run()
            with marked(model, entry.stages), profile(activities=activities) as profiler:
                for _ in range(CALLS):
                    prepared.run()
                device.wait()
        events = profiler.events()
        assert events is not None, "the profiler has ended"
        seconds = by_stage(events, entry.outside, on_gpu=device.name == "cuda")
        found.append(Stages(entry.name, form, direction, {name: each / CALLS for name, each in seconds.items()}))
    return found


@contextmanager
def marked(model: nn.Module, stages: Mapping[type[nn.Module], str]) -> Iterator[None]:
    """Put what the modules of these types do into ranges that the profiler shows, inside the block."""
    with ExitStack() as stack:
        for module in model.modules():
            stage = next((name for kind, name in stages.items() if isinstance(module, kind)), None)
            if stage is not None:
                ranges: list[record_function] = []

                def enter(_: nn.Module, __: Any, stage: str = stage, ranges: list[record_function] = ranges) -> None:
                    ranges.append(record_function(MARK + stage))
                    ranges[-1].__enter__()

                def leave(_: nn.Module, __: Any, ___: Any, ranges: list[record_function] = ranges) -> None:
                    ranges.pop().__exit__(None, None, None)

                stack.callback(module.register_forward_pre_hook(enter).remove)
                stack.callback(module.register_forward_hook(leave).remove)
        yield


def by_stage(events: list[FunctionEvent], outside: str, on_gpu: bool) -> dict[str, float]:
    """Seconds of all events by stage; what a backward does belongs to the stage of its forward.

    Args:
        events: of the profiler.
        outside: the stage of forward operators in no range.
        on_gpu: whether the GPU's time is wanted, instead of the CPU's.
    """
    forward_stages = {
        event.sequence_nr: _range_of(event) or outside
        for event in events
        if event.sequence_nr >= 0 and not _is_backward(event)
    }
    seconds: dict[str, float] = defaultdict(float)
    for event in events:
        taken = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        root = _root(event)
        stage = _range_of(event)
        if stage is None:
            stage = forward_stages.get(root.sequence_nr, outside) if _is_backward(root) else outside
        if not on_gpu or not event.name.startswith(MARK):  # on a GPU a range shows its kernels' time again
            seconds[stage] += taken / 1e6
    return dict(seconds)


def _root(event: FunctionEvent) -> FunctionEvent:
    while event.cpu_parent is not None:
        event = event.cpu_parent
    return event


def _range_of(event: FunctionEvent | None) -> str | None:
    while event is not None:
        if event.name.startswith(MARK):
            return event.name.removeprefix(MARK)
        event = event.cpu_parent
    return None


def _is_backward(event: FunctionEvent) -> bool:
    return _root(event).name.startswith(BACKWARD)
