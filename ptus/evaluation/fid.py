"""FID (Heusel et al. 2017): how far the results of a method are, all together, from real frames."""

from collections.abc import Iterable

import torch
from torchmetrics.image import FrechetInceptionDistance

from ptus.evaluation.inception import Inception
from ptus.images import Pixels

FEW = 2048
"""Below as many frames a covariance of 2048 features is singular, and the distance depends on their number."""


class Fid:
    """Takes in real frames and a method's results, one by one; keeps sums only.

    Args:
        network: shared by all.
    """

    def __init__(self, network: Inception) -> None:
        self._device = next(network.parameters()).device
        self._distance = FrechetInceptionDistance(network).to(self._device)

    def add(self, pictures: Iterable[Pixels], real: bool) -> None:
        """Take in pictures (H, W, 3)."""
        for pixels in pictures:
            self._distance.update(torch.from_numpy(pixels).permute(2, 0, 1)[None].to(self._device), real=real)

    @property
    def value(self) -> float:
        """The distance, of at least two real frames and two results."""
        return float(self._distance.compute())
