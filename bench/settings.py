"""Which rows there are: cases in every direction, type, memory format and batch, the important ones first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.case import DIRECTIONS, Asked, Case
from bench.rows import Key
from bench.targets import GPU_BATCH, GPU_PERCENT_OF_FLOOR, GPU_TIMES_COMPILED, Faster, OfFloor, Target

BATCHES = {"cpu": (1, 8), "cuda": (1, 4, 16, 64)}
USUAL_BATCHES = {"cpu": (1,), "cuda": (1, GPU_BATCH)}
USUAL_DTYPE = "float32"
ORDERED_BACKENDS = ("cpu", "cuda")  # of which every sum has an order in deterministic mode


@dataclass(frozen=True)
class Setting:
    """A case, and everything else that makes it one row."""

    case: Case
    direction: str
    backend: str
    dtype: str = USUAL_DTYPE
    memory_format: str = "contiguous"
    batch: int = 1
    device: str = "cpu"

    @property
    def key(self) -> Key:
        """The row's key."""
        return (
            self.case.op.name,
            self.case.name,
            self.direction,
            self.backend,
            self.dtype,
            self.memory_format,
            self.batch,
            self.case.size,
        )

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.case.op.name}, {self.case.name}, {self.direction}, {self.backend}, {self.dtype}, "
            f"{self.memory_format}, batch {self.batch}"
        )

    @property
    def departures(self) -> int:
        """In how many respects it is not the op's usual form."""
        usual = (
            self.dtype == USUAL_DTYPE,
            self.memory_format == self.case.op.memory_format,
            self.batch in USUAL_BATCHES[self.device],
        )
        return usual.count(False)

    @property
    def readme(self) -> bool:
        """Whether README's table shows it: on a GPU the ops at the batch that their targets are set for, in CUDA."""
        batch = GPU_BATCH if self.device == "cuda" and self.case.op.limits_memory else 1
        usual = self.departures == 0 and self.batch == batch and self.backend == self.device
        return usual and self.direction in self.case.readme

    @property
    def asked(self) -> Asked | None:
        """What the case asks of it on the CPU."""
        if self.device != "cpu" or self.backend != "cpu":
            return None
        for asked in self.case.asked:
            memory_format = asked.memory_format or self.case.op.memory_format
            where = (asked.direction, memory_format, asked.dtype, asked.batch)
            if where == (self.direction, self.memory_format, self.dtype, self.batch):
                return asked
        return None

    @property
    def targets(self) -> list[Target]:
        """What is asked of it on its device."""
        if self.device == "cpu":
            return [self.asked.target] if self.asked else []
        if self.backend == "reference" or self.departures or self.case.deterministic or self.case.targetless:
            return []
        if self.batch == 1:
            times = self.case.asked_of_gpu.get(self.direction)
            return [] if times is None else [Faster(times)]
        if self.case.op.limits_memory and self.direction in GPU_PERCENT_OF_FLOOR:
            times = self.case.op.gpu_times_eager.get(self.direction)
            floor: list[Target] = [OfFloor(GPU_PERCENT_OF_FLOOR[self.direction])]
            faster = [] if times is None else [Faster(times)]
            return [*floor, *faster, Faster(GPU_TIMES_COMPILED, "compiled")]
        return []


Measure = Callable[[Setting], None]


@dataclass(frozen=True)
class Filters:
    """What was asked for; an empty tuple asks for the usual.

    Args:
        ops: names of ops.
        cases: parts of names of cases.
        directions: "forward", "backward", "both".
        dtypes: as torch names them.
        batches: samples a call.
        readme: only rows that README's table shows.
    """

    ops: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    readme: bool = False


def select(cases: Iterable[Case], device: str, backends: Sequence[str], filters: Filters) -> list[Setting]:
    """The settings that pass the filters, the most important first.

    A setting departs from its op's usual form (float32, one memory format, batch 1 and, on a GPU, 16) in at most one
    respect, besides those that a filter names, unless something is asked of it.
    """
    settings = [
        setting
        for case in cases
        if device in case.devices and _named(case, filters)
        for setting in _all_of(case, device, backends, filters)
        if (setting.asked or setting.departures <= 1 + bool(filters.dtypes) + bool(filters.batches))
        and (setting.readme or not filters.readme)
    ]
    return sorted(settings, key=_importance)  # stable: else in the order of the cases


def _named(case: Case, filters: Filters) -> bool:
    by_op = not filters.ops or case.op.name in filters.ops
    return by_op and (not filters.cases or any(part in case.name for part in filters.cases))


def _all_of(case: Case, device: str, backends: Sequence[str], filters: Filters) -> Iterable[Setting]:
    batches = filters.batches or BATCHES[device]
    for backend in backends:
        if case.deterministic and backend not in ORDERED_BACKENDS:
            continue
        for batch in batches:
            if case.batches is not None and batch not in case.batches:
                continue
            for dtype in filters.dtypes or case.dtypes:
                for memory_format in case.op.memory_formats:
                    for direction in filters.directions or DIRECTIONS:
                        if direction in case.directions and dtype in case.dtypes:
                            yield Setting(case, direction, backend, dtype, memory_format, batch, device)


def _importance(setting: Setting) -> tuple[bool, bool, bool, int]:
    return not setting.readme, not setting.targets, setting.direction == "both", setting.departures
