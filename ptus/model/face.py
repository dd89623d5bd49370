"""The face estimator: canonical keypoints, head pose and expression from a crop of the face."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from ptus.model import rotation
from ptus.model.config import ModelConfig
from ptus.model.layers import ConvBlock, ResBlock, identity_grid, precise
from ptus.model.motion import Motion
from ptus_kernels import grid_sample_2d

HEAD_SHARE = 1.6  # the crop's side over that of the face box, which ends at brows and chin
LARGEST_ANGLE = math.pi / 2
LARGEST_EXPRESSION = 0.5  # of the head's half size


def head_crops(frames: Tensor, face_boxes: Tensor, side: int) -> Tensor:
    """Square crops around heads.

    Args:
        frames: (B, 3, S, S).
        face_boxes: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame.
        side: of a crop, pixels.

    Returns:
        (B, 3, side, side); what lies beyond the frame repeats its border.
    """
    centre, half = head_frame(face_boxes)
    grid = centre[:, None, None] + half[:, None, None] * identity_grid((side, side), centre)
    return grid_sample_2d(frames, grid, padding_mode="border", align_corners=True)


def head_frame(face_boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centres (B, 2) and half sides (B, 1) of the heads' crops, in [-1, 1] of the frame."""
    low, high = precise(face_boxes).split(2, dim=-1)
    return (low + high) / 2, HEAD_SHARE * (high - low).amax(dim=-1, keepdim=True) / 2


class FaceEstimator(nn.Module):
    """Regresses a face's motion; what it says of place and size is relative to the box, whose jitter it takes back."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.keypoints = config.estimated_face_keypoints
        self.local_global = config.local_global
        self.crop = config.size // 2
        self.whole_frame = not config.face_body
        stages: list[nn.Module] = []
        widths = [3, 32, 64, 128, 192, 256]
        for number, (before, after) in enumerate(pairwise(widths)):
            stages.append(ConvBlock(before, after, stride=2))
            stages.extend([ResBlock(after)] if number > 0 else [])
        self.features = nn.Sequential(*stages, nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten())
        self.expression = self._head(3 * self.keypoints)
        if self.local_global:
            self.canonical = self._head(3 * self.keypoints)
            self.pose = self._head(3)
            self.place = self._head(4)
        self.template = nn.Parameter(_spread(self.keypoints))

    @staticmethod
    def _head(numbers: int) -> nn.Linear:
        head = nn.Linear(4 * 256, numbers)
        nn.init.normal_(head.weight, std=1e-3)
        nn.init.zeros_(head.bias)
        return head

    def forward(self, frames: Tensor, face_boxes: Tensor, body: Tensor) -> Motion:
        """Estimate the motion of faces, and join that of the body.

        Args:
            frames: (B, 3, S, S), RGB in [0, 1].
            face_boxes: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame, brows to chin; not read where face and body are
                one.
            body: keypoints of the body, (B, K_b, 3).
        """
        if self.whole_frame:
            face_boxes = face_boxes.new_tensor([[-1.0, -1.0, 1.0, 1.0]]).expand(len(frames), 4) / HEAD_SHARE
        centre, half = head_frame(face_boxes)
        features = self.features(head_crops(frames, face_boxes, self.crop))
        expression = precise(self.expression(features)).view(-1, self.keypoints, 3).tanh()
        if not self.local_global:
            still = torch.eye(3, device=centre.device, dtype=centre.dtype).expand(len(frames), 3, 3)
            canonical = precise(self.template).expand_as(expression)
            translation = torch.cat((centre, torch.zeros_like(half)), dim=-1)
            return Motion(body, canonical, still, translation, half, expression)
        canonical = self.template + LARGEST_EXPRESSION * precise(self.canonical(features)).view_as(expression).tanh()
        place = precise(self.place(features)).tanh()
        moved = torch.cat((centre, torch.zeros_like(half)), dim=-1) + half * place[:, :3]
        return Motion(
            body=body,
            canonical=canonical,
            rotation=rotation.from_angles(LARGEST_ANGLE * precise(self.pose(features)).tanh()),
            translation=moved,
            scale=half * place[:, 3:].exp(),
            expression=LARGEST_EXPRESSION * expression,
        )


def _spread(count: int) -> Tensor:
    """Points spread evenly over a face's front: a sunflower's spiral on a shallow cap, (count, 3)."""
    number = torch.arange(count) + 0.5
    radius = 0.75 * (number / count).sqrt()
    angle = number * math.pi * (3 - math.sqrt(5))
    return torch.stack((radius * angle.cos(), radius * angle.sin(), radius**2 - 0.5), dim=-1)
