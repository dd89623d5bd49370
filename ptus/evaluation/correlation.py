"""Whether two measurements over time go up and down together."""

import numpy as np


class Correlation:
    """Pearson's correlation of two series, taken in one pair at a time (Welford's method, float64)."""

    def __init__(self) -> None:
        self._count = 0
        self._means = np.zeros(2)
        self._products = np.zeros((2, 2))

    def add(self, result: float, driving: float) -> None:
        """Take in the next pair."""
        pair = np.array((result, driving))
        self._count += 1
        before = pair - self._means
        self._means += before / self._count
        self._products += np.outer(before, pair - self._means)

    @property
    def value(self) -> float | None:
        """-1 to 1; 0 where the result does not change and the driver does, None where the driver does not change."""
        result, driving = (float(self._products[index, index]) for index in range(2))
        if driving <= _ROUNDING * self._count * float(self._means[1]) ** 2:
            return None
        if result <= _ROUNDING * self._count * float(self._means[0]) ** 2:
            return 0.0
        shared = float(self._products[0, 1] + self._products[1, 0]) / 2
        return max(-1.0, min(1.0, shared / float(np.sqrt(result * driving))))


_ROUNDING = 1e-14
"""Variance as a share of the squared mean that is no more than rounding."""
