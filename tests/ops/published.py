"""The motion modules of face-vid2vid and its relatives, step by step as their papers state them.

Siarohin et al., First Order Motion Model (2019); Wang et al., One-Shot Free-View Neural Talking-Head Synthesis (2021).
Every intermediate is a tensor here, in the type of the keypoints.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def coordinate_grid(size: Sequence[int], like: Tensor) -> Tensor:
    """(D, H, W, 3), x first, from -1 to 1."""
    lines = []
    for count in size:
        steps = torch.arange(count, device=like.device).to(like)
        lines.append(2 * (steps / (count - 1)) - 1 if count > 1 else 0 * steps)
    depth, height, width = (len(line) for line in lines)
    z = lines[0].view(-1, 1, 1).expand(depth, height, width)
    y = lines[1].view(1, -1, 1).expand(depth, height, width)
    x = lines[2].view(1, 1, -1).expand(depth, height, width)
    return torch.stack([x, y, z], 3)


def heatmaps(keypoints: Tensor, size: Sequence[int], variance: float) -> Tensor:
    """A Gaussian around each keypoint, (B, K, D, H, W)."""
    difference = coordinate_grid(size, keypoints)[None, None] - keypoints[:, :, None, None, None, :]
    return torch.exp(-0.5 * (difference**2).sum(-1) / variance)


def sparse_motions(kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, size: Sequence[int]) -> Tensor:
    """(B, K + 1, D, H, W, 3): the identity, then for each keypoint ks + J (g - kd)."""
    batch, count, _ = kp_driving.shape
    grid = coordinate_grid(size, kp_driving)[None, None].repeat(batch, count, 1, 1, 1, 1)
    moved = grid - kp_driving[:, :, None, None, None, :]
    if jacobian is not None:
        moved = torch.matmul(jacobian[:, :, None, None, None], moved.unsqueeze(-1)).squeeze(-1)
    moved = moved + kp_source[:, :, None, None, None, :]
    return torch.cat([grid[:, :1], moved], 1)


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    *,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """The hourglass's input: for each motion a heatmap difference and the feature deformed by it."""
    batch, channels, *size = feature.shape
    count = kp_driving.shape[1] + 1
    kp_driving, kp_source, jacobian = _in_type_of_coordinates(feature, kp_driving, kp_source, jacobian)
    motions = sparse_motions(kp_driving, kp_source, jacobian, size).view(batch * count, *size, 3)
    repeated = feature.to(motions.dtype)[:, None].repeat(1, count, 1, 1, 1, 1).view(batch * count, channels, *size)
    deformed = F.grid_sample(repeated, motions, align_corners=align_corners).view(batch, count, channels, *size)
    difference = heatmaps(kp_driving, size, kp_variance) - heatmaps(kp_source, size, kp_variance)
    background = torch.zeros_like(difference[:, :1])
    both = torch.cat([torch.cat([background, difference], 1)[:, :, None], deformed], 2)
    return both.view(batch, count * (channels + 1), *size).to(feature.dtype)


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    *,
    size: Sequence[int] | None,
) -> Tensor:
    """The deformation: every motion times its mask, summed."""
    kp_driving, kp_source, jacobian = _in_type_of_coordinates(mask_logits, kp_driving, kp_source, jacobian)
    logits = mask_logits.to(kp_driving.dtype)
    if size is not None and tuple(size) != tuple(logits.shape[2:]):
        logits = F.interpolate(logits, size=tuple(size), mode="trilinear", align_corners=False)
    mask = F.softmax(logits, dim=1)[:, :, None]
    motions = sparse_motions(kp_driving, kp_source, jacobian, logits.shape[2:]).permute(0, 1, 5, 2, 3, 4)
    return (motions * mask).sum(dim=1).permute(0, 2, 3, 4, 1)


def _in_type_of_coordinates(
    feature: Tensor, kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    wide = torch.float64 if feature.dtype == torch.float64 else torch.float32
    return kp_driving.to(wide), kp_source.to(wide), None if jacobian is None else jacobian.to(wide)
