"""What is compared: ways to make a driven source of a source and a driver's frames."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from ptus.animation.reenactment import Reenactment, Stages, pixels_of
from ptus.animation.views import View
from ptus.images import Pixels
from ptus.model.motion import TransferOptions

Performance: TypeAlias = Callable[[Sequence[View]], list[Pixels]]
"""Makes pictures (S, S, 3) of the driver's next frames, one each."""


class Method(Protocol):
    """A way to animate a source."""

    @property
    def name(self) -> str:
        """As results are listed."""

    def perform(self, source: View, first: View) -> Performance:
        """Take a source and the driver's first frame, which relative motion starts from."""


class CopySource:
    """Leaves the source as it is: what a model has to be better than."""

    name = "copy the source"

    def perform(self, source: View, first: View) -> Performance:
        """Take a source."""
        return lambda views: [source.picture] * len(views)


class ByModel:
    """Animates by a model, with all of the driver's motion relative to its first frame.

    Args:
        name: as results are listed.
        stages: of the model.
    """

    def __init__(self, name: str, stages: Stages) -> None:
        self.name = name
        self.stages = stages

    def perform(self, source: View, first: View) -> Performance:
        """Take a source and the driver's first frame."""
        reenactment = Reenactment(self.stages, TransferOptions(), source)
        reenactment.set_references(first)
        return lambda views: pixels_of(reenactment.render(self.stages.seen(views)))
