"""Checks of an op's arguments: every message names the op, the argument, what was expected and what came."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any, NoReturn

import torch
from torch import Tensor

FLOATING_TYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
_FLOAT32 = torch.finfo(torch.float32)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


class Checks:
    """The checks of one call of one op. A letter that names an axis means the same size in every tensor of the call."""

    def __init__(self, op: str) -> None:
        self.op = op
        self._sizes: dict[str, tuple[int, str]] = {}
        self._device: tuple[torch.device, str] | None = None

    def fail(self, argument: str, expected: str, got: object, error: type[Exception] = ValueError) -> NoReturn:
        """Raise the one form that every error of this library has."""
        raise error(f"{self.op}: {argument}: expected {expected}, got {got}")

    def tensor(self, argument: str, value: Tensor, axes: str) -> None:
        """Check that `value` is a floating tensor on the device of the others, with axes like "N C D H W" or "N h w 2".

        Raises TypeError for what is no tensor or has another type, ValueError for another rank, size or device.
        """
        if not isinstance(value, Tensor):
            self.fail(argument, "a tensor", type(value).__name__, TypeError)
        if value.dtype not in FLOATING_TYPES:
            self.fail(argument, "float32, float64, float16 or bfloat16", _name(value.dtype), TypeError)
        names = axes.split()
        if value.dim() != len(names):
            self.fail(argument, f"{len(names)} dimensions ({', '.join(names)})", f"shape {tuple(value.shape)}")
        for axis, (name, size) in enumerate(zip(names, value.shape, strict=True)):
            if name.isdecimal():
                if size != int(name):
                    self.fail(argument, f"size {name} in dimension {axis} of ({', '.join(names)})", tuple(value.shape))
            elif name not in self._sizes:
                self._sizes[name] = (size, argument)
            elif size != self._sizes[name][0]:
                known, where = self._sizes[name]
                expected = f"{name} = {known} as in {where}, in dimension {axis} of ({', '.join(names)})"
                self.fail(argument, expected, tuple(value.shape))
        if self._device is None:
            self._device = (value.device, argument)
        elif value.device != self._device[0]:
            self.fail(argument, f"device {self._device[0]} as {self._device[1]}", value.device)

    def positive_size(self, argument: str, name: str) -> None:
        """Check that the axis `name`, seen before, is not empty."""
        if self._sizes[name][0] == 0:
            self.fail(argument, f"at least one element along {name}", 0)

    def of_one_type(self, **features: Any) -> list[Any]:
        """Return features, of which some may be None, in one type: that of the first, or under autocast their widest.

        Raises TypeError for one that has not the type of the first, outside of autocast.
        """
        first, like = next(iter(features.items()))
        widest = like.dtype
        for argument, value in features.items():
            if value is None or value.dtype == like.dtype:
                continue
            if not torch.is_autocast_enabled(like.device.type):
                self.fail(argument, f"{_name(like.dtype)} as {first}", _name(value.dtype), TypeError)
            widest = torch.promote_types(widest, value.dtype)
        return [None if value is None else value.to(widest) for value in features.values()]

    def coordinates(self, argument: str, value: Tensor, feature: Tensor) -> Tensor:
        """Return coordinates in the type they are computed in: float64 beside a float64 feature, otherwise float32.

        Halves are widened; a float64 coordinate beside a smaller feature, or the reverse, is a TypeError.
        """
        if (value.dtype == torch.float64) != (feature.dtype == torch.float64):
            expected = "float64" if feature.dtype == torch.float64 else "float32 or a half type"
            self.fail(argument, f"{expected} beside a feature of {_name(feature.dtype)}", _name(value.dtype), TypeError)
        return value if value.dtype == torch.float64 else value.float()

    def positive_number(self, argument: str, value: float) -> None:
        """Check a factor above 0."""
        self._number(argument, value, "a positive number", math.ulp(0.0))

    def number_from_zero(self, argument: str, value: float) -> None:
        """Check a number that may be 0."""
        self._number(argument, value, "a number of at least 0", 0)

    def finite_number(self, argument: str, value: float) -> None:
        """Check a number of any sign."""
        self._number(argument, value, "a finite number", _FLOAT32.min)

    def _number(self, argument: str, value: float, expected: str, least: float) -> None:
        """Check a number that no gradient is computed for: a tensor, which could ask for one, is refused."""
        if isinstance(value, Tensor):
            self.fail(argument, f"{expected}, not a tensor, since it gets no gradient", type(value).__name__, TypeError)
        if not least <= value <= _FLOAT32.max:
            self.fail(argument, expected, value)

    def sizes(self, argument: str, value: Sequence[int], axes: str) -> tuple[int, ...]:
        """Check and return the sizes of a field, with axes like "D H W"."""
        names = axes.split()
        # int is an Integral, but known to be one several times sooner.
        whole = isinstance(value, Sequence) and all(isinstance(n, (int, Integral, torch.SymInt)) for n in value)
        if not whole or len(value) != len(names) or any(n < 0 for n in value):
            self.fail(argument, f"{len(names)} sizes ({', '.join(names)})", value)
        return tuple(value)

    def one_of(self, argument: str, value: str, allowed: Sequence[str]) -> None:
        """Check a word against the words there are."""
        if value not in allowed:
            self.fail(argument, " or ".join(map(repr, allowed)), repr(value))
