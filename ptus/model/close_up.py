"""Eyes and mouth read again from close up: in the crop of a whole head an eye is five pixels high, and less to close."""

from dataclasses import replace

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from ptus.model import standing
from ptus.model.layers import ConvBlock, PreciseLinear, ResBlock, bounded, identity_grid, precise
from ptus.model.motion import Motion
from ptus.model.points import WEIGHT_SCALE
from ptus_kernels import grid_sample_2d

CROP_SIDE = 32  # pixels
REACH = 0.3  # half side of a crop, of the head's half size: from brow to cheek, from nose to chin
LARGEST_CORRECTION = 0.3  # of the head's half size
WIDTH = 64
_NAMES = (
    ("left eye upper lid", "left eye lower lid", "left brow middle"),
    ("right eye upper lid", "right eye lower lid", "right brow middle"),
    ("upper lip inner edge", "lower lip inner edge", "left mouth corner", "right mouth corner"),
)
LEFT_EYE, RIGHT_EYE, MOUTH = PARTS = [[list(standing.FACE).index(name) for name in names] for names in _NAMES]
"""Keypoints of the parts that are looked at; a crop's middle is between the first two of each."""
READ = sum(len(points) for points in PARTS)
"""How many they are: the first ones of a face."""
_ORDER = [number for number, _ in sorted(enumerate(sum(PARTS, [])), key=lambda each: each[1])]


class CloseUp(nn.Module):
    """Corrects where an estimate has the keypoints of eyes and mouth, from crops about where it has them.

    Crops are upright in the head, and those of right eyes are mirrored, so that both eyes are read by the same weights.
    Before it is trained it corrects hardly anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, WIDTH // 2, stride=2),
            ConvBlock(WIDTH // 2, WIDTH, stride=2),
            ResBlock(WIDTH),
            ConvBlock(WIDTH, WIDTH, stride=2),
        )
        self.eye, self.mouth = (self._reader(2 * len(points)) for points in (LEFT_EYE, MOUTH))

    def _reader(self, numbers: int) -> PreciseLinear:
        """Reads as many numbers as are estimated, from features and from those estimates."""
        reader = PreciseLinear(WIDTH * (CROP_SIDE // 8) ** 2 + numbers, numbers)
        nn.init.normal_(reader.weight, std=WEIGHT_SCALE)
        nn.init.zeros_(reader.bias)
        return reader

    def forward(self, frames: Tensor, motion: Motion) -> Motion:
        """Look again.

        Args:
            frames: (B, 3, S, S), RGB in [-1, 1].
            motion: what is estimated of them, with head pose and every landmark of `standing.FACE`.

        Returns:
            The same with another expression of eyes and mouth.
        """
        size = REACH * motion.scale.unsqueeze(1)
        face = motion.face[..., :2]
        middles = torch.stack([face[:, points[:2]].mean(dim=1) for points in PARTS], dim=1)
        axes = self._axes(motion)
        seen = self.features(self._crops(frames, (middles.detach(), (size.unsqueeze(3) * axes).detach())))
        seen = precise(rearrange(seen, "(b p) c h w -> p b (c h w)", p=len(PARTS)))
        corrections = []
        for part, points in enumerate(PARTS):
            reader = self.mouth if points is MOUTH else self.eye
            upright = axes[:, part]
            found = (face[:, points] - middles[:, part : part + 1]) @ upright.transpose(1, 2) / size
            corrected = reader(torch.cat((seen[part], found.flatten(1)), dim=1)).view_as(found)
            corrections.append(bounded(REACH * corrected, LARGEST_CORRECTION) @ upright)
        correction = torch.cat(corrections, dim=1)[:, _ORDER]
        others = motion.expression.shape[1] - READ
        return replace(motion, expression=motion.expression + pad(correction, (0, 1, 0, others)))

    def _axes(self, motion: Motion) -> Tensor:
        """What a step to the right and one down are in each part's crop, in the picture: (B, 3, 2, 2), orthonormal."""
        down = normalize(motion.rotation[:, 1, :2], dim=-1)
        right = torch.stack((down[:, 1], -down[:, 0]), dim=-1)
        mirrored = [-right if points is RIGHT_EYE else right for points in PARTS]
        return torch.stack([torch.stack((across, down), dim=1) for across in mirrored], dim=1)

    def _crops(self, frames: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
        """Crops of all parts, (B · 3, 3, side, side), from their middles (B, 3, 2) and axes (B, 3, 2, 2)."""
        middles, axes = at
        grid = identity_grid((CROP_SIDE, CROP_SIDE), middles).flatten(0, 1) @ axes + middles.unsqueeze(2)
        grid = rearrange(grid, "b p (h w) n -> b (p h) w n", h=CROP_SIDE)
        crops = grid_sample_2d(frames, grid, padding_mode="border", align_corners=True)
        crops = rearrange(crops, "b c (p h) w -> (b p) c h w", p=len(PARTS))
        return crops.contiguous(memory_format=torch.channels_last)
