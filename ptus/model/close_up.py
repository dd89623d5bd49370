"""Eyes and mouth read again from close up: each by itself and upright, larger than in the crop of the whole head."""

from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import pad

from ptus.model import standing
from ptus.model.crops import tilted_crops
from ptus.model.layers import ConvBlock, PreciseLinear, ResBlock, bounded, precise
from ptus.model.motion import Motion
from ptus.model.points import WEIGHT_SCALE
from ptus.model.rotation import product, upright, width

CROP_SIDE = 32  # pixels
REACH = 0.3  # half side of a crop, of the head's half size: from brow to cheek, from nose to chin
LARGEST_CORRECTION = 0.3  # of the head's half size
WIDTH = 64


@dataclass(frozen=True)
class Part:
    """A part of the face that is looked at.

    Args:
        reader: which layer reads it, "eye" or "mouth".
        names: of its landmarks; its crop's middle is between the first two.
        looks: whether it has an iris, which is sought too.
        mirrored: whether it is seen as in a mirror.
    """

    reader: str
    names: tuple[str, ...]
    looks: bool = False
    mirrored: bool = False

    @property
    def keypoints(self) -> list[int]:
        """Numbers of its landmarks."""
        return [list(standing.FACE).index(name) for name in self.names]


PARTS = (
    Part("eye", ("left eye upper lid", "left eye lower lid", "left brow middle"), looks=True),
    Part("eye", ("right eye upper lid", "right eye lower lid", "right brow middle"), looks=True, mirrored=True),
    Part("mouth", ("upper lip inner edge", "lower lip inner edge", "left mouth corner", "right mouth corner")),
)
KEYPOINTS = standing.EYES_AND_MOUTH
"""How many keypoints are read again: the first ones of a face."""
assert sorted(number for part in PARTS for number in part.keypoints) == list(range(KEYPOINTS))


class CloseUp(nn.Module):
    """Corrects where an estimate has the keypoints of eyes and mouth, from crops about where it has them; finds irises.

    Crops are upright in the head, and those of right eyes are mirrored, so that both eyes are read by the same weights.
    Before it is trained it corrects hardly anything, and sees irises in the middle between lids.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, WIDTH // 2, stride=2),
            ConvBlock(WIDTH // 2, WIDTH, stride=2),
            ResBlock(WIDTH),
            ConvBlock(WIDTH, WIDTH, stride=2),
        )
        self.eye, self.mouth = (_reader(part) for part in PARTS[1:])

    def reader(self, part: Part) -> PreciseLinear:
        """The layer that reads a part's landmarks."""
        return {"eye": self.eye, "mouth": self.mouth}[part.reader]

    def forward(self, frames: Tensor, motion: Motion) -> Motion:
        """Look again.

        Args:
            frames: (B, 3, S, S), RGB in [-1, 1].
            motion: what is estimated of them, with head pose, and with KEYPOINTS keypoints of the face at least.

        Returns:
            The same with another expression of eyes and mouth, and with where eyes look.
        """
        estimated = motion.face[..., :2].unbind(dim=1)
        points = [torch.stack([estimated[number] for number in part.keypoints], dim=1) for part in PARTS]
        middles = torch.stack([each[:, :2].mean(dim=1) for each in points], dim=1)
        axes, half = _axes(motion), REACH * motion.scale
        crops = tilted_crops(frames, middles.detach(), (half[..., None, None] * axes).detach(), CROP_SIDE)
        seen = precise(rearrange(self.features(crops), "(b p) c h w -> p b (c h w)", p=len(PARTS)))
        corrections: dict[int, Tensor] = {}
        gaze: list[Tensor] = []
        for part, at, features, middle, own in zip(
            PARTS, points, seen, middles.unbind(dim=1), axes.unbind(dim=1), strict=True
        ):
            in_crop = product(at - middle.unsqueeze(1), own.transpose(1, 2)) / half.unsqueeze(2)
            read = self.reader(part)(torch.cat((features, in_crop.flatten(1)), dim=1))
            read = bounded(REACH * read, LARGEST_CORRECTION)
            moved = read[:, : in_crop[0].numel()].view_as(in_crop)
            corrections |= zip(part.keypoints, product(moved, own).unbind(dim=1), strict=True)
            if part.looks:
                beside = read[:, -1] - (REACH * in_crop[:, 1] + moved[:, 1])[:, 0]
                gaze.append(-beside if part.mirrored else beside)
        correction = torch.stack([corrections[number] for number in range(KEYPOINTS)], dim=1)
        others = motion.expression.shape[1] - KEYPOINTS
        expression = motion.expression + pad(correction, (0, 1, 0, others))
        return replace(motion, expression=expression, gaze=torch.stack(gaze, dim=1) / width(motion.rotation))


def _reader(part: Part) -> PreciseLinear:
    """Reads corrections of a part's landmarks, and how far right its iris is, from features and the landmarks."""
    estimated = 2 * len(part.names)
    reader = PreciseLinear(WIDTH * (CROP_SIDE // 8) ** 2 + estimated, estimated + part.looks)
    nn.init.normal_(reader.weight, std=WEIGHT_SCALE)
    nn.init.zeros_(reader.bias)
    return reader


def _axes(motion: Motion) -> Tensor:
    """What a step to the right and one down are in the crop of each part, in the picture: orthonormal, (B, P, 2, 2)."""
    right, down = upright(motion.rotation).unbind(dim=1)
    return torch.stack([torch.stack((-right if part.mirrored else right, down), dim=1) for part in PARTS], dim=1)
