"""FID (Heusel et al. 2017): how far the results of a method are, all together, from real frames."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from ptus.evaluation.inception import Inception
from ptus.evaluation.moments import Moment
from ptus.images import Pixels

FEW = 2049
"""With fewer frames the covariance of 2048 features is singular, and the distance depends on their number."""


class FidMeter:
    """Takes in real frames and the results of several methods; keeps sums only, in float64.

    Args:
        network: that makes features.
        methods: by name.
    """

    def __init__(self, network: Inception, methods: Sequence[str]) -> None:
        self._network = network
        self._distances = {name: FrechetInceptionDistance(_Given(network.num_features)) for name in methods}
        self.frames = 0

    def add(self, moments: Mapping[str, Moment]) -> None:
        """Take in a frame: the driver's, which is real, and every method's result."""
        driving = next(iter(moments.values())).driving
        features = self._features([driving, *(moments[name].result for name in self._distances)])
        for result, distance in zip(features[1:], self._distances.values(), strict=True):
            distance.update(features[:1], real=True)
            distance.update(result[None], real=False)
        self.frames += 1

    @property
    def values(self) -> dict[str, float]:
        """The distance by method, of at least two frames."""
        return {name: float(distance.compute()) for name, distance in self._distances.items()}

    def _features(self, pictures: Sequence[Pixels]) -> Tensor:
        device = next(self._network.parameters()).device
        batch = torch.stack([torch.from_numpy(pixels) for pixels in pictures]).permute(0, 3, 1, 2)
        features: Tensor = self._network(batch.to(device)).cpu()
        return features


class _Given(nn.Module):
    """The network of a torchmetrics FID that is given features instead of pictures."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features
