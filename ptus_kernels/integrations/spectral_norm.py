"""Spectral norm in evaluation: the weight is divided once, not in every call, as long as nothing it is made of changes.

Of `torch.nn.utils.spectral_norm`, whose hook computes weight / σ before every call: σ = uᵀ W v, with u and v fixed in
evaluation (Miyato et al. 2018).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.spectral_norm import SpectralNorm


class BakedSpectralNorm(SpectralNorm):
    """The same hook, which keeps the weight while parameter and vectors are the same tensors, unchanged.

    Only in evaluation without gradients. Training, gradients, a loaded checkpoint or a move to another device or type
    compute it again. Changes that autograd does not see (`weight.data.copy_(…)`) are not seen here either.
    """

    _made_of: "list[_State] | None" = None
    _weight: Tensor | None = None

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        """Set the module's weight, if it is not set already."""
        if module.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            self._made_of = self._weight = None
            super().__call__(module, inputs)
            return
        made_of = [_State(getattr(module, f"{self.name}_{part}")) for part in ("orig", "u", "v")]
        if made_of != self._made_of or self._weight is not getattr(module, self.name):
            super().__call__(module, inputs)
            self._made_of, self._weight = made_of, getattr(module, self.name)

    def __getstate__(self) -> dict[str, Any]:
        """A copy has tensors of its own."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_made_of", "_weight")}


class _State:
    """A tensor as it is now. What does not count its versions, having been made in inference mode, equals nothing."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.version = None if tensor.is_inference() else tensor._version
        self.place = (tensor.data_ptr(), tensor.dtype, tensor.device)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _State)
            and self.tensor is other.tensor
            and self.version is not None
            and (self.version, self.place) == (other.version, other.place)
        )

    __hash__ = None  # type: ignore[assignment]


def hooks_of(module: nn.Module) -> list[SpectralNorm]:
    """A module's spectral norms, baked or not."""
    return [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, SpectralNorm)]


def bake(module: nn.Module) -> bool:
    """Let a module's spectral norm keep its weight; whether it had one that did not do so already."""
    plain = [hook for hook in hooks_of(module) if type(hook) is SpectralNorm]
    for hook in plain:
        _set_class(hook, BakedSpectralNorm)
    return bool(plain)


def forget(module: nn.Module) -> None:
    """Let a module's spectral norm compute its weight in every call again."""
    for hook in hooks_of(module):
        if isinstance(hook, BakedSpectralNorm):
            hook.__dict__.pop("_made_of", None)
            hook.__dict__.pop("_weight", None)
            _set_class(hook, SpectralNorm)


def _set_class(hook: SpectralNorm, kind: type[SpectralNorm]) -> None:
    hook.__class__ = kind
