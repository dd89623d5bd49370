"""The discriminators of full frames and of faces, used in training alone."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ptus.model.crops import head_crops

SCALES = 2


class PatchDiscriminator(nn.Module):
    """Scores patches as real or rendered (Isola et al. 2017), spectrally normalised (Miyato et al. 2018)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 8 * width]
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, stride=2 if number < 3 else 1, padding=1))
            for number, (before, after) in enumerate(pairwise(widths))
        )
        self.score = spectral_norm(nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, S, S), RGB in [0, 1] → the features of every layer, the last the scores (B, 1, s, s)."""
        features, found = pictures * 2 - 1, []
        for layer in self.layers:
            features = F.leaky_relu(layer(features), 0.2)
            found.append(features)
        return [*found, self.score(features)]


class Discriminators(nn.Module):
    """Full frames at two scales, and faces: their sharpness is what people look at, and they are small in the frame.

    Args:
        size: side of the frames, pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.face_side = size // 2
        self.frame = nn.ModuleList(PatchDiscriminator() for _ in range(SCALES))
        self.face = PatchDiscriminator()

    def forward(self, frames: Tensor, face_boxes: Tensor) -> list[list[Tensor]]:
        """Judge frames.

        Args:
            frames: (B, 3, S, S), RGB in [0, 1].
            face_boxes: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame, brows to chin.

        Returns:
            For each discriminator (the frame at its size, at half of it, then the face) the features of every layer,
            the last its scores.
        """
        judged = []
        for level, discriminator in enumerate(self.frame):
            pictures = frames if level == 0 else F.avg_pool2d(frames, 2**level)
            judged.append(discriminator(pictures))
        return [*judged, self.face(head_crops(frames, face_boxes, self.face_side))]
