"""What a family's file says of each of its blocks: how it is recognised, what replaces it, how that is tried."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ptus_kernels.integrations.swapping import Accelerated


@dataclass(frozen=True)
class Trial:
    """A small stand-in for a block, and calls that show what it computes.

    Args:
        modules: small modules in place of the block's own, by name.
        calls: keyword arguments of a method, by the method's name; several calls of one method in a list.
        attributes: other attributes of the stand-in that differ from the block's.
        buffers: its buffers, by name.
    """

    modules: Mapping[str, nn.Module]
    calls: list[tuple[str, dict[str, Any]]]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    buffers: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """A kind of block of one family of models.

    Args:
        family: whose.
        name: what it is.
        mixin: what its class gets before it.
        parts: attributes that must be there, with their types; a tuple for one of several, NoneType among them.
        arguments: of its `forward`, in order, the first ones.
        chain: methods that are replaced, or whose work is done elsewhere: none of them may be overridden.
        trial: makes the trial of a block that has this structure.
        refuses: what of a block's settings the ops do not do, in words; None where there is nothing.
        absent: attributes that must not be there; they belong to other families.
        align_corners: with which to try the replacement, the published first.
    """

    family: str
    name: str
    mixin: type[Accelerated]
    parts: Mapping[str, type | tuple[type, ...]]
    arguments: tuple[str, ...]
    chain: tuple[str, ...]
    trial: Callable[[Any], Trial]
    refuses: Callable[[Any], str | None] = lambda _: None
    absent: tuple[str, ...] = ()
    align_corners: tuple[bool, ...] = (False, True)

    def has_structure_of(self, module: nn.Module) -> bool:
        """Whether a module has this block's attributes and methods."""
        return (
            all(hasattr(module, name) and isinstance(getattr(module, name), kind) for name, kind in self.parts.items())
            and not any(hasattr(module, name) for name in self.absent)
            and all(callable(getattr(module, name, None)) for name in self.chain)
            and self._takes_these_arguments(module)
        )

    def obstacle(self, module: nn.Module) -> str | None:
        """Why a module of this structure cannot be rerouted, as far as that shows without trying it."""
        for name in self.chain:
            if name in module.__dict__:
                return f"{name} is replaced on the instance"
            owners = [kind for kind in type(module).__mro__ if name in kind.__dict__ and kind is not nn.Module]
            if len(owners) > 1:
                return f"{owners[0].__name__} overrides {name} of {owners[1].__name__}"
        return self.refuses(module)

    def _takes_these_arguments(self, module: nn.Module) -> bool:
        names = tuple(inspect.signature(type(module).forward).parameters)
        return names[1 : 1 + len(self.arguments)] == self.arguments
