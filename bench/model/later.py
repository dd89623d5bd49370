"""A model that is made when it is first called: published ones are too large to be made wherever rows are listed."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Later(nn.Module):
    """A module with always the same random weights, made in the type and on the device of its first inputs.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.make = make
        self.model: nn.Module | None = None

    def __reduce__(self) -> tuple[type["Later"], tuple[Callable[[], nn.Module]]]:
        """A copy, in this process or another, is made when it is called: it has the same weights."""
        return Later, (self.make,)

    def forward(self, **inputs: Tensor) -> Any:
        """As the module's."""
        if self.model is None:
            self.build(next(iter(inputs.values())))
        assert self.model is not None
        return self.model(**inputs)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def build(self, like: Tensor) -> None:
        """Make it now, in the type and on the device of a tensor."""
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
            torch.manual_seed(3)
            self.model = self.make().to(like).train(self.training)
