"""Cases as pytest's parameters."""

from collections.abc import Callable, Sequence

import pytest

from bench.case import Case, Direction

Measure = Callable[[Case, Direction], None]


def parameters(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """A benchmark function's parameters `case` and `direction`: every direction that a case declares."""
    rows = [
        pytest.param(case, direction, id=f"{case.name}-{direction}") for case in cases for direction in case.targets
    ]
    return pytest.mark.parametrize(("case", "direction"), rows)
