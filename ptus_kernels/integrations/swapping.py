"""A block that is rerouted keeps its parameters and attributes, and gets another class: a subclass of its own."""

import copyreg
from collections.abc import Callable
from typing import Any, ClassVar

from torch import nn


class Accelerated(nn.Module):
    """What goes before a block's own class in the subclass that it gets: the methods that run on the fused ops.

    Since the block stays an instance of its class, with the same attributes, `state_dict`, `isinstance`, hooks and
    replication work as before; copies and pickled blocks are accelerated too.
    """

    _ptus_original: ClassVar[type[nn.Module]]
    _ptus_align_corners: ClassVar[bool]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """As the block's own, but made again from its own class, since the subclass has no place to be found at."""
        reduced: Any = super().__reduce_ex__(protocol)
        build, _, *state = reduced
        if build is not copyreg.__newobj__:  # type: ignore[attr-defined]
            own = self._ptus_original.__name__
            raise TypeError(f"{own} has its own way to be copied or pickled, which is unknown here: undo() first")
        return (_blank, (mixin_of(self), self._ptus_original, self._ptus_align_corners), *state)


def mixin_of(block: Accelerated) -> type[Accelerated]:
    """What was put before a block's own class."""
    mixin = type(block).__bases__[0]
    assert issubclass(mixin, Accelerated)
    return mixin


_classes: dict[tuple[type[Accelerated], type[nn.Module], bool], type[Accelerated]] = {}


def accelerated_class(mixin: type[Accelerated], original: type[nn.Module], align_corners: bool) -> type[Accelerated]:
    """The subclass of a block's class in which the methods of `mixin` come first; one for all blocks of that class."""
    key = (mixin, original, align_corners)
    if key not in _classes:
        _classes[key] = _made(*key)
    return _classes[key]


def _made(mixin: type[Accelerated], original: type[nn.Module], align_corners: bool) -> type[Accelerated]:
    attributes = {
        "__module__": original.__module__,
        "__qualname__": f"Accelerated{original.__qualname__}",
        "__doc__": original.__doc__,
        "_ptus_original": original,
        "_ptus_align_corners": align_corners,
    }
    return type(f"Accelerated{original.__name__}", (mixin, original), attributes)


def swap(block: nn.Module, mixin: type[Accelerated], align_corners: bool) -> None:
    """Give a block the methods of `mixin`, which read motions with this `align_corners`."""
    _set_class(block, accelerated_class(mixin, type(block), align_corners))


def restore(block: nn.Module) -> None:
    """Give a block its own class back."""
    assert isinstance(block, Accelerated)
    _set_class(block, block._ptus_original)


def _set_class(block: nn.Module, kind: type[nn.Module]) -> None:
    block.__class__ = kind


def _blank(mixin: type[Accelerated], original: type[nn.Module], align_corners: bool) -> Accelerated:
    kind = accelerated_class(mixin, original, align_corners)
    make: Callable[..., Accelerated] = kind.__new__
    return make(kind)
