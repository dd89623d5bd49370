"""Everything that takes part in a row: ours, eager PyTorch, torch.compile, public samplers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
import torch._functorch.config
from torch import Tensor

from bench.case import Form, Inputs
from bench.correctness import CHECKS
from bench.device import Device, Run
from bench.peers import Peer
from bench.prepare import bytes_of, in_setting, own, prepare
from bench.settings import Setting

Within = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Contender:
    """One call for each copy of the inputs, and what holds while it is timed."""

    runs: list[Run]
    within: Within = nullcontext


@contextmanager
def deterministically() -> Iterator[None]:
    """PyTorch's deterministic mode inside the block."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


class Contenders:
    """Makes the contenders of a setting, and checks each before it is given out.

    Args:
        setting: the row.
        copies: the inputs, float32 and contiguous: as many draws as are rotated.
        device: where.
    """

    def __init__(self, setting: Setting, copies: Sequence[Inputs], device: Device) -> None:
        self._setting = setting
        op = setting.case.op
        # Models of its own: training changes what they remember of the inputs' statistics.
        self._op = replace(op, ours=own(op.ours), eager=own(op.eager))
        self._copies = copies
        self._device = device
        self.inputs = self._in(setting.memory_format)
        self._undefined = [self._undefined_for(each) for each in copies]
        self.output_bytes = self.result_bytes = 0  # of a call of ours

    def ours(self) -> Contender:
        """Our op, checked on the first and the last copy of the inputs; a model, which takes long, on the first alone.

        Raises:
            WrongResultError: where it does not compute what eager PyTorch computes.
        """
        op, direction = self._op, self._setting.direction
        check = CHECKS[self._setting.case.checked_in]
        within: Within = deterministically if self._setting.case.deterministic else nullcontext
        with within():
            contender = Contender(self._prepared(op.ours, self.inputs), within)
            for copy in {0, 0 if op.is_model else len(self.inputs) - 1}:
                outputs = prepare(op.ours, self.inputs[copy], "forward").run()
                expected = check(op.eager, self.inputs[copy], direction, outputs, self._undefined[copy])
                found = contender.runs[copy]()  # the very call that will be timed
                expected.refuse_wrong(f"{self._setting}, ptus_kernels", found)
                if copy == 0:
                    self._first = expected
                    self.output_bytes, self.result_bytes = bytes_of(outputs), bytes_of(found)
        return contender

    def any_order(self) -> Contender:
        """Our op as it is without deterministic mode."""
        return Contender(self._prepared(self._op.ours, self.inputs))

    def eager(self) -> tuple[str, Contender]:
        """Eager PyTorch in the memory format that suits it better, and that format."""
        eager = self._op.eager
        seconds = {}
        for memory_format in self._op.memory_formats:
            one = prepare(eager, self._in(memory_format)[0], self._setting.direction)
            seconds[memory_format] = min(self._device.seconds([one.run]) for _ in range(3))
        best = min(seconds, key=lambda memory_format: seconds[memory_format])
        return best, Contender(self._prepared(eager, self._in(best)))

    def compiled(self, memory_format: str) -> Contender:
        """The eager form under torch.compile."""
        torch.compiler.reset()
        inputs = self._in(memory_format)
        compiled: Form = torch.compile(self._op.eager, dynamic=False)
        # Donated buffers would be overwritten, and a graph that is kept for another backward needs them.
        with torch._functorch.config.patch(donated_buffer=False):
            contender = Contender(self._prepared(compiled, inputs))
            self._first.refuse_wrong("torch.compile", contender.runs[0]())
        return contender

    def peer(self, peer: Peer) -> Contender:
        """A public sampler; its conversion of the inputs is differentiated for the check, and outside the time."""
        sampler = peer.load()

        def from_our_inputs(**inputs: Tensor) -> Tensor:
            return sampler(**peer.convert(inputs))

        found = prepare(from_our_inputs, self.inputs[0], self._setting.direction, self._first.grad_outputs).run()
        self._first.refuse_wrong(peer.name, found)
        return Contender(self._prepared(sampler, [peer.convert(inputs) for inputs in self.inputs]))

    def beside(self, batch: int) -> Contender:
        """Our op in float32, with the first samples."""
        op = self._op
        few = [{name: tensor[:batch] for name, tensor in inputs.items()} for inputs in self._copies]
        inputs = [in_setting(op, each, "float32", self._setting.memory_format) for each in few]
        return Contender([prepare(op.ours, each, self._setting.direction).run for each in inputs])

    def _in(self, memory_format: str) -> list[Inputs]:
        setting = self._setting
        return [in_setting(self._op, each, setting.dtype, memory_format) for each in self._copies]

    def _undefined_for(self, inputs: Inputs) -> list[Tensor]:
        """Where no gradient comes in; sample by sample, since that is worked out in float64."""
        undefined = self._setting.case.undefined
        if undefined is None or self._setting.direction == "forward":
            return []
        batch = range(len(next(iter(inputs.values()))))
        samples = [undefined({name: tensor[i : i + 1].double() for name, tensor in inputs.items()}) for i in batch]
        return [torch.cat(parts) for parts in zip(*samples, strict=True)]

    def _prepared(self, form: Form, copies: Sequence[Inputs]) -> list[Run]:
        runs = [
            prepare(form, inputs, self._setting.direction, undefined=undefined).run
            for inputs, undefined in zip(copies, self._undefined, strict=True)
        ]
        return [captured(run) for run in runs] if self._setting.case.graphs else runs


def captured(run: Run) -> Run:
    """A call as a CUDA graph, after three calls on a stream of their own to set up what a first call sets up."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = run()

    def replay() -> list[Tensor]:
        graph.replay()
        return outputs

    return replay
