"""The body keypoint estimator: where the body is in the whole frame."""

from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, doubled, precise
from ptus_kernels import soft_argmax_3d

HEATMAP_DEPTH = 8
TEMPERATURE = 0.1


class BodyEstimator(nn.Module):
    """Keypoints as expected coordinates of heatmap volumes, from the frame at half its size (face-vid2vid, 3.1)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.down1 = nn.Sequential(ConvBlock(3, 32, stride=2), ConvBlock(32, 64, stride=2))
        self.down2 = nn.Sequential(ConvBlock(64, 96, stride=2), ResBlock(96))
        self.down3 = nn.Sequential(ConvBlock(96, 192, stride=2), ResBlock(192))
        self.up3 = ConvBlock(192, 96)
        self.up2 = ConvBlock(96, 64)
        self.heatmaps = nn.Conv2d(64, config.body_keypoints * HEATMAP_DEPTH, 3, padding=1)

    def forward(self, frames: Tensor) -> Tensor:
        """Find the body's keypoints.

        Args:
            frames: (B, 3, S, S), RGB in [0, 1].

        Returns:
            (B, K_b, 3) in [-1, 1], float32.
        """
        eighth = self.down1(avg_pool2d(frames, 2))
        sixteenth = self.down2(eighth)
        features = self.up3(doubled(self.down3(sixteenth))) + sixteenth
        features = self.up2(doubled(features)) + eighth
        logits = rearrange(self.heatmaps(features), "b (k d) h w -> b k d h w", d=HEATMAP_DEPTH)
        return soft_argmax_3d(precise(logits), TEMPERATURE)
