"""The motion modules of face-vid2vid and its relatives, step by step as their papers state them.

Siarohin et al., First Order Motion Model (2019) and Motion Representations for Articulated Animation (2021); Wang et
al., One-Shot Free-View Neural Talking-Head Synthesis (2021). Every intermediate is a tensor here, in the type of the
keypoints. What is said of volumes (D, H, W) and points (x, y, z) holds for images (H, W) and points (x, y).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def coordinate_grid(size: Sequence[int], like: Tensor) -> Tensor:
    """(D, H, W, 3), x first, from -1 to 1."""
    lines = []
    for axis, count in enumerate(size):
        steps = torch.arange(count, device=like.device).to(like)
        line = 2 * (steps / (count - 1)) - 1 if count > 1 else 0 * steps
        lines.append(line.view(-1, *[1] * (len(size) - 1 - axis)).expand(*size))
    return torch.stack(lines[::-1], -1)


def beside_grid(keypoints: Tensor, size: Sequence[int]) -> Tensor:
    """Keypoints (B, K, 3) as (B, K, 1, 1, 1, 3), or numbers of keypoints (B, K, …) alike."""
    return keypoints.reshape(*keypoints.shape[:2], *[1] * len(size), *keypoints.shape[2:])


def heatmaps(keypoints: Tensor, size: Sequence[int], variance: float | Tensor) -> Tensor:
    """A Gaussian around each keypoint, (B, K, D, H, W); a variance that is a tensor is the covariances."""
    difference = coordinate_grid(size, keypoints)[None, None] - beside_grid(keypoints, size)
    if not isinstance(variance, Tensor):
        return torch.exp(-0.5 * (difference**2).sum(-1) / variance)
    inverse = beside_grid(torch.inverse(variance), size)
    distance = difference.unsqueeze(-2) @ inverse @ difference.unsqueeze(-1)
    return torch.exp(-0.5 * distance[..., 0, 0])


def background_motion(background: Tensor | None, batch: int, size: Sequence[int], like: Tensor) -> Tensor:
    """(B, 1, D, H, W, 3): the identity, or the affine motion of a matrix (B, 3, 4) on homogeneous coordinates."""
    grid = coordinate_grid(size, like)[None, None].repeat(batch, *[1] * (len(size) + 2))
    if background is None:
        return grid
    homogeneous = torch.cat([grid, torch.ones_like(grid[..., :1])], -1)
    return torch.matmul(beside_grid(background[:, None], size), homogeneous.unsqueeze(-1)).squeeze(-1)


def sparse_motions(
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    size: Sequence[int],
    background: Tensor | None = None,
) -> Tensor:
    """(B, K + 1, D, H, W, 3): the background's motion, then for each keypoint ks + J (g - kd)."""
    batch, count, _ = kp_driving.shape
    grid = coordinate_grid(size, kp_driving)[None, None].repeat(batch, count, *[1] * (len(size) + 1))
    moved = grid - beside_grid(kp_driving, size)
    if jacobian is not None:
        moved = torch.matmul(beside_grid(jacobian, size), moved.unsqueeze(-1)).squeeze(-1)
    moved = moved + beside_grid(kp_source, size)
    return torch.cat([background_motion(background, batch, size, kp_driving), moved], 1)


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    covariance_driving: Tensor | None = None,
    covariance_source: Tensor | None = None,
    background: Tensor | None = None,
    *,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """The hourglass's input: for each motion a heatmap difference and the feature deformed by it."""
    size = feature.shape[2:]
    wide = type_of_coordinates(feature)
    kp_driving, kp_source, jacobian = kp_driving.to(wide), kp_source.to(wide), widened(jacobian, wide)
    covariance_driving, covariance_source = widened(covariance_driving, wide), widened(covariance_source, wide)
    background = widened(background, wide)
    deformed = deformed_by(feature, sparse_motions(kp_driving, kp_source, jacobian, size, background), align_corners)
    difference = heatmaps(kp_driving, size, kp_variance if covariance_driving is None else covariance_driving)
    difference = difference - heatmaps(kp_source, size, kp_variance if covariance_source is None else covariance_source)
    none = torch.zeros_like(difference[:, :1])
    both = torch.cat([torch.cat([none, difference], 1)[:, :, None], deformed], 2)
    return both.flatten(1, 2).to(feature.dtype)


def deformed_by(feature: Tensor, motions: Tensor, align_corners: bool) -> Tensor:
    """A feature (B, C, D, H, W) sampled at motions (B, K + 1, D, H, W, 3): (B, K + 1, C, D, H, W), in their type."""
    batch, channels, *size = feature.shape
    count = motions.shape[1]
    repeated = feature.to(motions.dtype)[:, None].repeat(1, count, 1, *[1] * len(size))
    repeated = repeated.view(batch * count, channels, *size)
    deformed = F.grid_sample(repeated, motions.flatten(0, 1), align_corners=align_corners)
    return deformed.view(batch, count, channels, *size)


def compose_motion(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    background: Tensor | None = None,
    *,
    size: Sequence[int] | None,
) -> Tensor:
    """The deformation: every motion times its mask, summed."""
    wide = type_of_coordinates(mask_logits)
    kp_driving, kp_source, jacobian = kp_driving.to(wide), kp_source.to(wide), widened(jacobian, wide)
    background = widened(background, wide)
    field = tuple(mask_logits.shape[2:]) if size is None else tuple(size)
    return mixed(mask_logits, sparse_motions(kp_driving, kp_source, jacobian, field, background))


def mixed(mask_logits: Tensor, motions: Tensor) -> Tensor:
    """Motions (B, K + 1, D, H, W, 3) times their masks, which may have to be resized, summed."""
    logits, size = mask_logits.to(motions.dtype), tuple(motions.shape[2:-1])
    if size != tuple(logits.shape[2:]):
        mode = "trilinear" if len(size) == 3 else "bilinear"
        logits = F.interpolate(logits, size=size, mode=mode, align_corners=False)
    mask = F.softmax(logits, dim=1)[:, :, None]
    return (motions.movedim(-1, 2) * mask).sum(dim=1).movedim(1, -1)


def type_of_coordinates(feature: Tensor) -> torch.dtype:
    """The type that coordinates are computed in beside a feature."""
    return torch.float64 if feature.dtype == torch.float64 else torch.float32


def widened(tensor: Tensor | None, wide: torch.dtype) -> Tensor | None:
    """A tensor in this type, if there is one."""
    return None if tensor is None else tensor.to(wide)
