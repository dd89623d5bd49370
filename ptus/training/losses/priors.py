"""What is known of keypoints and of motion without looking at pictures."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ptus.model import Motion
from ptus.model.crops import head_frame
from ptus.model.hair import LONGEST
from ptus.model.prior import AROUND

LEAST_DISTANCE = 0.1  # squared, face-vid2vid's D_t


def spread_loss(keypoints: Tensor) -> Tensor:
    """Σ max(0, D - ‖x_i - x_j‖²) over pairs of keypoints (B, K, 3), a mean over the batch (face-vid2vid, A.2)."""
    if keypoints.shape[1] < 2:
        return keypoints.new_zeros(())
    apart = (keypoints.unsqueeze(1) - keypoints.unsqueeze(2)).square().sum(dim=-1)
    count = keypoints.shape[1]
    first, second = torch.triu_indices(count, count, offset=1, device=apart.device)
    return F.relu(LEAST_DISTANCE - apart[:, first, second]).mean(dim=1).mean()


def depth_loss(keypoints: Tensor) -> Tensor:
    """How far the keypoints (B, K, 3) lie, on average, from the middle of the volume: a scalar."""
    return keypoints[..., 2].mean(dim=1).abs().mean() if keypoints.numel() else keypoints.new_zeros(())


def expression_loss(motion: Motion) -> Tensor:
    """Mean absolute expression, which keeps the head's motion out of it: a scalar."""
    return motion.expression.abs().mean()


def face_region_loss(logits: Tensor, source: Tensor, driving: Tensor) -> Tensor:
    """Cross-entropy of the face region, the most of it over depth, with the faces' boxes.

    The region is all that the head takes along: hair and forehead, between the box of brows and chin and the crop of
    the head, are where they are left to be found, and so are the surroundings of where the head was in the source.

    Args:
        logits: (B, 1, d, h, w).
        source: face boxes in the source, (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame.
        driving: the same in the driven frame.
    """
    seen = logits.amax(dim=2).squeeze(1)
    inside = _within(driving, seen.shape[1:])
    around = _within(_head(driving, 1.0), seen.shape[1:]) | _within(_head(source, LONGEST + AROUND), seen.shape[1:])
    entropy = F.binary_cross_entropy_with_logits(seen, inside.to(seen.dtype), reduction="none")
    sure = inside | ~around
    return ((entropy * sure).sum(dim=(1, 2)) / sure.sum(dim=(1, 2))).mean()


def _head(boxes: Tensor, reach: float) -> Tensor:
    """Boxes of faces → those of their heads, so many times as large."""
    centre, half = head_frame(boxes)
    return torch.cat((centre - reach * half, centre + reach * half), dim=1)


def _within(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """Which points of a grid (h, w) over the frame lie in boxes (B, 4): (B, h, w)."""
    height, width = size
    x = torch.linspace(-1, 1, width, device=boxes.device)
    y = torch.linspace(-1, 1, height, device=boxes.device).unsqueeze(-1)
    x0, y0, x1, y1 = (edge[:, None, None] for edge in boxes.unbind(-1))
    return (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
