"""What `accelerate` did: which blocks were replaced, which were not and why, and the way back."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import nn

from ptus_kernels.integrations.spectral_norm import forget
from ptus_kernels.integrations.swapping import Accelerated, restore


@dataclass(frozen=True)
class Replaced:
    """A block that runs on the fused ops now.

    Args:
        path: where it is, after the model's class: "Generator.dense_motion_network".
        family: of models, as "first-order-model"; "PyTorch" for what PyTorch brings.
        block: what it is.
    """

    path: str
    family: str
    block: str


@dataclass(frozen=True)
class LeftAlone:
    """A block that was recognised and stays as it is.

    Args:
        path: as in `Replaced`.
        family: as in `Replaced`.
        block: as in `Replaced`.
        reason: why.
    """

    path: str
    family: str
    block: str
    reason: str


@dataclass(frozen=True)
class Report:
    """What `accelerate` did; as a string for people.

    Args:
        replaced: what runs on the fused ops now and did not before.
        left_alone: what stays as it is, with reasons.
    """

    replaced: tuple[Replaced, ...]
    left_alone: tuple[LeftAlone, ...]
    _models: tuple[nn.Module, ...] = field(repr=False)

    def undo(self) -> None:
        """Make every accelerated block of these models what it was, also those accelerated earlier."""
        for model in self._models:
            for module in model.modules():
                forget(module)
                if isinstance(module, Accelerated):
                    restore(module)

    def __str__(self) -> str:
        """A line for each kind of block that was replaced, and for each reason why blocks were left alone."""
        if not self.replaced and not self.left_alone:
            return "nothing recognised: these models have no block of a family that is known here"
        lines = [] if self.replaced else ["nothing replaced"]
        lines += _grouped((f"replaced: {each.family}, {each.block}", each.path) for each in self.replaced)
        lines += _grouped(
            (f"left alone, {each.reason}: {each.family}, {each.block}", each.path) for each in self.left_alone
        )
        return "\n".join(lines)


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """One line for all paths of which the same is to be said."""
    groups: dict[str, list[str]] = {}
    for said, path in pairs:
        groups.setdefault(said, []).append(path)
    return [
        f"{said}: {paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        for said, paths in groups.items()
    ]
