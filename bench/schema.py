"""Builds dataclasses from what a JSON file holds, and refuses what does not fit their types."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any


class MalformedError(ValueError):
    """A value does not have the type that the schema says; the message names its place."""


def build(kind: Any, value: Any, place: str = "") -> Any:
    """A value of the type `kind` from decoded JSON.

    Args:
        kind: a dataclass, str, int, float, bool, None, Any, a union of them, or a list, dict or tuple of them.
        value: as `json.loads` gives it.
        place: of the value in the file, for messages.

    Raises:
        MalformedError: where the value is of another type; dataclasses may leave out fields that have a default, and
            may not have others.
    """
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _build_one_of(arguments, value, place)
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, _checked(dict, value, place), place)
    if origin is list:
        return [build(arguments[0], item, f"{place}[{i}]") for i, item in enumerate(_checked(list, value, place))]
    if origin is tuple:
        return tuple(build(arguments[0], item, f"{place}[{i}]") for i, item in enumerate(_checked(list, value, place)))
    if origin is dict:
        items = _checked(dict, value, place).items()
        return {key: build(arguments[1], item, _within(place, key)) for key, item in items}
    if kind is float:
        number = _checked((int, float), value, place)
        if not math.isfinite(number):
            raise MalformedError(f"{place}: expected a finite number, got {number}")
        return float(number)
    return _checked(kind, value, place)


def _build_one_of(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    (kind,) = (each for each in kinds if each is not types.NoneType)
    return build(kind, value, place)


def _build_dataclass(kind: Any, value: Mapping[str, Any], place: str) -> Any:
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(value.keys() - fields.keys())
    if unknown:
        raise MalformedError(f"{place or 'file'}: unknown {', '.join(unknown)}")
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in value and not optional:
            raise MalformedError(f"{place or 'file'}: {name} is missing")
    try:
        return kind(**{name: build(hints[name], value[name], _within(place, name)) for name in value})
    except MalformedError as error:
        raise error if str(error).startswith(place) else MalformedError(f"{place}: {error}") from None


def _checked(kind: Any, value: Any, place: str) -> Any:
    wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    if wrong:
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(each.__name__ for each in kinds)
        raise MalformedError(f"{place or 'file'}: expected {expected}, got {value!r:.60}")
    return value


def _within(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
