"""The body keypoint estimator: where the body is in the whole frame."""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from ptus.model import standing
from ptus.model.config import ModelConfig
from ptus.model.layers import precise
from ptus.model.points import FRAME_SIDE, LocalPoints, following


class BodyEstimator(nn.Module):
    """Each keypoint is where a standing body has it, moved by points that are found near all of them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        count = config.body_keypoints
        at = standing.body(count)
        self.points = LocalPoints(at[:, :2])
        self.standing = nn.Parameter(torch.tensor(at.tolist()))
        self.moved = self.points.reader(3 * count, following(count))

    def forward(self, frames: Tensor) -> Tensor:
        """Find the body's keypoints.

        Args:
            frames: (B, 3, S, S), RGB in [-1, 1].

        Returns:
            (B, K_b, 3) in coordinates of the frame, in which they need not lie, float32.
        """
        moved = self.moved(self.points(adaptive_avg_pool2d(frames, FRAME_SIDE)))
        keypoints: Tensor = precise(self.standing) + moved.unflatten(1, (-1, 3))
        return keypoints
