"""What a benchmark declares about an op: inputs, the same work in eager PyTorch, and what is asked of the speed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Inputs = dict[str, Tensor]
Direction = str  # "forward" or "backward"

THREADS = 2
CACHED_BYTES = THREADS * (256 << 10)  # what any op may hold, a quarter of a mebibyte a thread


@dataclass(frozen=True)
class Faster:
    """A target: at least `times` as fast as eager PyTorch."""

    times: float

    def __str__(self) -> str:
        """As the table says it."""
        return f"≥ {self.times:g} × eager"


@dataclass(frozen=True)
class PerSample:
    """A target: a sample takes at most `times` as long as in `case`, which is timed in the same rounds."""

    times: float
    case: "Case"

    def __str__(self) -> str:
        """As the table says it."""
        return f"≤ {self.times:g} × {self.case.name}, a sample"


@dataclass(frozen=True)
class Case:
    """One set of inputs of one op.

    Args:
        op: the op's public name.
        name: what is particular about these inputs.
        inputs: makes the tensors, by argument name, the same at every call; all are differentiated.
        ours: the op.
        eager: the same work in eager PyTorch, as published models write it; takes the same arguments.
        features: the inputs that have channels, and so a memory format that eager PyTorch may choose.
        targets: the directions to measure, "forward" and "backward", each with what is asked of it, or None.
        scratch: bytes the design allows beside the outputs and CACHED_BYTES, by direction; None where it has no say.
    """

    op: str
    name: str
    inputs: Callable[[], Inputs]
    ours: Callable[..., Tensor]
    eager: Callable[..., Tensor]
    features: tuple[str, ...]
    targets: Mapping[Direction, Faster | PerSample | None]
    scratch: Mapping[Direction, int] | None = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A call ready to be timed, and the tensors that it keeps alive beside its inputs."""

    run: Callable[[], list[Tensor]]
    held: list[Tensor]


def prepare(function: Callable[..., Tensor], inputs: Inputs, direction: Direction) -> Prepared:
    """Prepare the forward of a function without a graph, or, on a graph made once, its backward alone."""
    if direction == "forward":

        def forward() -> list[Tensor]:
            with torch.no_grad():
                return [function(**inputs)]

        return Prepared(forward, [])

    leaves = {name: tensor.detach().requires_grad_() for name, tensor in inputs.items()}
    output = function(**leaves)
    values = torch.randn(output.shape, generator=torch.Generator().manual_seed(7))
    grad_output = torch.empty_like(output).copy_(values)

    def backward() -> list[Tensor]:
        return list(torch.autograd.grad(output, list(leaves.values()), grad_output, retain_graph=True))

    return Prepared(backward, [output, grad_output])


def in_memory_format(case: Case, inputs: Inputs, memory_format: str) -> Inputs:
    """The inputs with their features "contiguous" or "channels last"."""

    def convert(tensor: Tensor) -> Tensor:
        if memory_format == "contiguous":
            return tensor.contiguous()
        return tensor.to(memory_format=torch.channels_last if tensor.dim() == 4 else torch.channels_last_3d)

    return {name: convert(tensor) if name in case.features else tensor for name, tensor in inputs.items()}


def bytes_of(tensors: list[Tensor]) -> int:
    """Bytes of the tensors' elements."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
