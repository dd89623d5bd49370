"""Measures one setting: checks our op, then times it, eager PyTorch, torch.compile and others round after round."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from bench.case import Inputs
from bench.contenders import Contender, Contenders
from bench.device import Device
from bench.memory import memory_allowed, peak_memory
from bench.prepare import bytes_of, parameters, prepare
from bench.rows import Row, Times
from bench.settings import Setting
from bench.targets import PerSample, judge
from ptus_kernels import use_backend

FEWEST_ROUNDS, MOST_ROUNDS = 7, 41
WARM_UP = 2
TIMES_THE_CACHE = 2
FIRST_SEED = 20
BESIDE = "float32 at batch 1"  # timed in the same rounds, where a target compares with it
FEWEST_COPIES, MOST_COPIES = 2, 16

Made = TypeVar("Made")


@dataclass(frozen=True)
class Measured:
    """A row, and the seconds of our op in each of its rounds."""

    row: Row
    seconds: list[float]


@dataclass
class _TakingPart:
    contenders: dict[str, Contender]
    absent: dict[str, str]
    eager_format: str | None


@dataclass(frozen=True)
class Harness:
    """How rows are measured.

    Args:
        device: where.
        bandwidth: of a large copy there, in bytes a second.
        with_compile: whether torch.compile is measured too.
        seconds_a_row: what the rounds of one row may take.
        with_compiled_models: whether models are compiled too, which takes a minute each.
    """

    device: Device
    bandwidth: float
    with_compile: bool = True
    seconds_a_row: float = 2.5
    with_compiled_models: bool = True

    def measure(self, setting: Setting) -> Measured:
        """Check the op against eager PyTorch, then time both.

        Raises:
            WrongResultError: where our op does not compute what eager PyTorch computes.
        """
        with use_backend(setting.backend):
            return self._measure(setting)

    def _measure(self, setting: Setting) -> Measured:
        case, op = setting.case, setting.case.op
        contenders = Contenders(setting, self.draw(setting), self.device)
        part = self._take_part(setting, contenders)
        first = contenders.inputs[0]
        read = bytes_of([*first.values(), *parameters(op.ours)])
        moved = bytes_moved(setting.direction, read, contenders.output_bytes, contenders.result_bytes)
        allowed = memory_allowed(setting, first, contenders.result_bytes, self.device.threads)
        operations = op.operations(first).of(setting.direction)
        seconds = in_turn(part.contenders, self.device, self.seconds_a_row)
        part.contenders.clear()  # their memory is not to be counted

        times = {name: Times.of(taken) for name, taken in seconds.items()}
        beside = times.pop(BESIDE).median if BESIDE in times else None
        row = Row(
            op=op.name,
            case=case.name,
            direction=setting.direction,
            backend=setting.backend,
            dtype=setting.dtype,
            memory_format=setting.memory_format,
            batch=setting.batch,
            size=case.size,
            times=times,
            absent=part.absent,
            eager_format=part.eager_format,
            bytes_moved=moved,
            operations=operations,
            floor=moved / self.bandwidth,
            memory=self._memory(setting, part.eager_format),
            memory_allowed=allowed,
            readme=setting.readme,
        )
        return Measured(replace(row, **vars(judge(row, setting.targets, beside))), seconds["ours"])

    def _take_part(self, setting: Setting, contenders: Contenders) -> _TakingPart:
        """Make ours, which must be there, and whatever else belongs to the row, which may be absent."""
        case = setting.case
        part = _TakingPart({"ours": contenders.ours()}, {}, None)
        in_better_format, reason = attempt(contenders.eager)
        if in_better_format is None:
            part.absent["eager"] = str(reason)
        else:
            part.eager_format, part.contenders["eager"] = in_better_format
        others: dict[str, Callable[[], Contender]] = {}
        if case.deterministic:
            others["any order"] = contenders.any_order
        elif not case.graphs:
            memory_format = part.eager_format or setting.memory_format
            others["compiled"] = partial(contenders.compiled, memory_format)
            others |= {peer.name: partial(contenders.peer, peer) for peer in case.op.peers}
            if not (self.with_compile and (self.with_compiled_models or not case.op.is_model)):
                part.absent["compiled"] = "left out"
                del others["compiled"]
        for name, make in others.items():
            contender, reason = attempt(make)
            if contender is None:
                part.absent[name] = str(reason)
            else:
                part.contenders[name] = contender
        if any(isinstance(target, PerSample) for target in setting.targets):
            part.contenders[BESIDE] = contenders.beside(1)
        return part

    def draw(self, setting: Setting) -> list[Inputs]:
        """Inputs of several draws: what a call for each of them reads and writes is more than the caches hold."""
        first = self.device.draw(setting.case.draw, setting.batch, FIRST_SEED)
        outputs = prepare(setting.case.op.ours, first, "forward").run()
        a_call = bytes_of([*first.values(), *outputs])
        wanted = TIMES_THE_CACHE * self.device.cache_bytes // a_call + 1
        copies = min(max(wanted, FEWEST_COPIES), MOST_COPIES)
        seeds = range(FIRST_SEED + 1, FIRST_SEED + copies)
        return [first, *(self.device.draw(setting.case.draw, setting.batch, seed) for seed in seeds)]

    def _memory(self, setting: Setting, eager_format: str | None) -> dict[str, int | None]:
        if setting.case.graphs or setting.case.deterministic:
            return {}
        eager = None if eager_format is None else peak_memory(setting, "eager", eager_format, self.device)
        return {"ours": peak_memory(setting, "ours", setting.memory_format, self.device), "eager": eager}


def attempt(make: Callable[[], Made]) -> tuple[Made | None, str | None]:
    """What a contender's maker gives, or why it gives nothing: others than ours may be absent, but not unnoticed."""
    try:
        return make(), None
    except Exception as error:
        lines = str(error).strip().splitlines()
        return None, f"{type(error).__name__}: {lines[0]:.160}" if lines else type(error).__name__


def in_turn(contenders: Mapping[str, Contender], device: Device, seconds_a_row: float) -> dict[str, list[float]]:
    """Time every contender once a round, so that what disturbs the machine disturbs all alike.

    Each timing takes the next copies of the inputs.
    """

    def timed(contender: Contender, position: int, calls: int) -> float:
        runs = contender.runs
        series = [runs[(position + call) % len(runs)] for call in range(calls)]
        with contender.within():
            return device.seconds(series)

    estimates = {name: min(timed(each, position, 1) for position in range(2)) for name, each in contenders.items()}
    calls = {name: device.calls(estimates[name], len(each.runs)) for name, each in contenders.items()}
    a_round = sum(estimates[name] * calls[name] for name in contenders)
    rounds = min(max(int(seconds_a_row / a_round), FEWEST_ROUNDS), MOST_ROUNDS)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for position in range(WARM_UP + rounds):
        for name, contender in contenders.items():
            taken = timed(contender, position, calls[name])
            if position >= WARM_UP:
                seconds[name].append(taken)
    return seconds


def bytes_moved(direction: str, read: int, written: int, results: int) -> int:
    """Bytes that must move: each input read once in each direction, each result written once.

    Args:
        direction: "forward", "backward" (which reads the gradients of the outputs too) or "both".
        read: bytes of the inputs, and of the parameters if there are any.
        written: bytes of the outputs of the forward.
        results: bytes of what the direction gives: outputs, gradients or both.
    """
    return {
        "forward": read + results,
        "backward": read + written + results,
        "both": 2 * read + written + results,
    }[direction]
