"""motion_features in plain PyTorch."""

from collections.abc import Callable

import torch
from torch import Tensor

from ptus_kernels.reference.grid_sample import grid_sample, grid_sample_by_taps
from ptus_kernels.reference.motion import identity_grid, sparse_motions


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    kp_variance: float,
    align_corners: bool,
    *,
    sample: Callable[[Tensor, Tensor, str, str, bool], Tensor] = grid_sample,
) -> Tensor:
    """Heatmap differences, and the feature warped by each motion, side by side."""
    with torch.autocast(feature.device.type, enabled=False):
        batch, channels, *size = feature.shape
        motions = sparse_motions(kp_driving, kp_source, jacobian, size)
        count = motions.shape[1]
        repeated = feature.unsqueeze(1).expand(-1, count, -1, -1, -1, -1).flatten(0, 1)
        warped = sample(repeated, motions.flatten(0, 1), "bilinear", "zeros", align_corners)
        heatmaps = _gaussian(kp_driving, size, kp_variance) - _gaussian(kp_source, size, kp_variance)
        heatmaps = torch.cat((torch.zeros_like(heatmaps[:, :1]), heatmaps), dim=1)
        heatmaps = heatmaps.unsqueeze(2).to(feature.dtype)
        return torch.cat((heatmaps, warped.view(batch, count, channels, *size)), dim=2).flatten(1, 2)


def motion_features_by_taps(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """The same, differentiable any number of times."""
    return motion_features(
        feature, kp_driving, kp_source, jacobian, kp_variance, align_corners, sample=grid_sample_by_taps
    )


def _gaussian(keypoints: Tensor, size: list[int], variance: float) -> Tensor:
    """exp(-½ ‖g - kp‖² / variance), (B, K, D, H, W)."""
    batch, count, _ = keypoints.shape
    offsets = identity_grid(size, keypoints) - keypoints.view(batch, count, 1, 1, 1, 3)
    return torch.exp(-0.5 * offsets.square().sum(-1) / variance)
