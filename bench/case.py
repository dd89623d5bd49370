"""What an op declares about itself, once: inputs, the same work in eager PyTorch, and what is asked of its speed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.peers import Peer
from bench.targets import Faster, PerSample, Rate

Inputs = dict[str, Tensor]
Outputs = Tensor | tuple[Tensor, ...]
Form = Callable[..., Outputs]

DIRECTIONS = ("forward", "backward", "both")
MEMORY_FORMATS = ("contiguous", "channels last")
DTYPES = ("float32", "bfloat16", "float16")


class Operations(NamedTuple):
    """Floating-point operations of the two directions; a multiplication and an addition are two."""

    forward: int
    backward: int

    def of(self, direction: str) -> int:
        """Of "forward", "backward" or "both"."""
        return {"forward": self.forward, "backward": self.backward, "both": self.forward + self.backward}[direction]


@dataclass(frozen=True)
class Op:
    """An op, or a model.

    Args:
        name: its public name.
        ours: the op.
        eager: the same work in eager PyTorch, as published models write it; takes the same arguments. Where it is a
            module, as `ours` then is, its parameters are differentiated too.
        features: the inputs that have channels, and so a type and a memory format; coordinates stay float32.
        operations: of the inputs, a batch of them.
        memory_format: in which the features usually come.
        transposed: the feature of which the design allows a transposed copy of one sample, where it is contiguous.
        limits_memory: whether the design says what a call may allocate.
        gpu_times_eager: how many times as fast as eager PyTorch it shall be on a GPU, by direction.
        peers: public samplers that do the same.
    """

    name: str
    ours: Form
    eager: Form
    features: tuple[str, ...]
    operations: Callable[[Inputs], Operations]
    memory_format: str = "contiguous"
    transposed: str | None = None
    limits_memory: bool = True
    gpu_times_eager: Mapping[str, float] = field(default_factory=dict)
    peers: tuple[Peer, ...] = ()

    @property
    def memory_formats(self) -> tuple[str, ...]:
        """In which it can be measured: one, where there is no feature to have another."""
        return MEMORY_FORMATS if self.features else (self.memory_format,)

    @property
    def is_model(self) -> bool:
        """Whether it is a module with parameters, which takes long to compile."""
        return isinstance(self.ours, nn.Module)


@dataclass(frozen=True)
class Asked:
    """A target of a case on the CPU.

    Args:
        direction: "forward", "backward" or "both".
        target: what is asked.
        memory_format: of the row it is asked of; None for the op's usual one.
        dtype: of that row.
        batch: of that row.
    """

    direction: str
    target: Faster | PerSample | Rate
    memory_format: str | None = None
    dtype: str = "float32"
    batch: int = 1


@dataclass(frozen=True)
class Case:
    """One kind of inputs of one op.

    Args:
        op: the op.
        name: what is particular about these inputs.
        size: (D, H, W) or (H, W), for the row; of splines, which have no grid, (K, P): how many, of how many points.
        draw: the tensors by argument name, float32 and contiguous, from random numbers and a batch size; on the
            generator's device, all of them differentiated.
        asked: targets on the CPU.
        directions: in which it is measured.
        readme: directions that README's table shows.
        devices: where it is measured.
        dtypes: of the features in which it is measured.
        batches: the only batch sizes that make sense; None for any.
        deterministic: measured under `torch.use_deterministic_algorithms`, beside ours without; only backends that
            have an order for all sums.
        graphs: measured in CUDA graphs, ours and eager.
        targetless: reported only: nothing is asked of it on a GPU.
        asked_of_gpu: how many times as fast as eager on a GPU at batch 1, beside what the op says for larger batches.
        undefined: where the gradients of the outputs for one sample's inputs (float64) are undefined, since what they
            are sampled at lies at a border of cells (see bench/borders.py): True in tensors that broadcast to the
            outputs. No gradient comes in there. None if all are defined.
        checked_in: the type in which the eager form says what is right: "float64", or "float32" where that would take
            minutes or tens of gigabytes; then every value must lie within 1e-4 of the eager form's range.
    """

    op: Op
    name: str
    size: tuple[int, ...]
    draw: Callable[[torch.Generator, int], Inputs]
    asked: Sequence[Asked] = ()
    directions: tuple[str, ...] = DIRECTIONS
    readme: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu", "cuda")
    dtypes: tuple[str, ...] = DTYPES
    batches: tuple[int, ...] | None = None
    deterministic: bool = False
    graphs: bool = False
    targetless: bool = False
    asked_of_gpu: Mapping[str, float] = field(default_factory=dict)
    undefined: Callable[[Inputs], tuple[Tensor, ...]] | None = None
    checked_in: str = "float64"
