"""motion_features in plain PyTorch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ptus_kernels.reference.grid_sample import grid_sample, grid_sample_by_taps
from ptus_kernels.reference.motion import identity_grid, per_point, sparse_motions

Sample = Callable[[Tensor, Tensor, str, str, bool], Tensor]


def motion_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    covariance_driving: Tensor | None,
    covariance_source: Tensor | None,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
    *,
    sample: Sample = grid_sample,
) -> Tensor:
    """Heatmap differences, and the feature warped by each motion, side by side."""
    with torch.autocast(feature.device.type, enabled=False):
        size = feature.shape[2:]
        motions = sparse_motions(kp_driving, kp_source, jacobian, background, size)
        warped = warped_by_each(feature, motions, align_corners, sample)
        heatmaps = heatmap(kp_driving, covariance_driving, size, kp_variance)
        heatmaps = heatmaps - heatmap(kp_source, covariance_source, size, kp_variance)
        heatmaps = torch.cat((torch.zeros_like(heatmaps[:, :1]), heatmaps), dim=1)
        return torch.cat((heatmaps.unsqueeze(2).to(feature.dtype), warped), dim=2).flatten(1, 2)


def motion_features_by_taps(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    jacobian: Tensor | None,
    covariance_driving: Tensor | None,
    covariance_source: Tensor | None,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """The same, differentiable any number of times."""
    return motion_features(
        feature,
        kp_driving,
        kp_source,
        jacobian,
        covariance_driving,
        covariance_source,
        background,
        kp_variance,
        align_corners,
        sample=grid_sample_by_taps,
    )


def warped_by_each(feature: Tensor, motions: Tensor, align_corners: bool, sample: Sample) -> Tensor:
    """A feature (B, C, *size) sampled at motions (B, K + 1, *size, rank): (B, K + 1, C, *size)."""
    count = motions.shape[1]
    repeated = feature.unsqueeze(1).expand(-1, count, *feature.shape[1:]).flatten(0, 1)
    warped = sample(repeated, motions.flatten(0, 1), "bilinear", "zeros", align_corners)
    return warped.view(feature.shape[0], count, *feature.shape[1:])


def heatmap(keypoints: Tensor, covariance: Tensor | None, size: Sequence[int], variance: float) -> Tensor:
    """exp(-½ (g - kp)ᵀ Σ⁻¹ (g - kp)), (B, K, *size), for a covariance (B, K, rank, rank) or `variance` times 1."""
    offsets = identity_grid(size, keypoints) - per_point(keypoints, size)
    if covariance is None:
        return torch.exp(-0.5 * offsets.square().sum(-1) / variance)
    distance = torch.einsum("bk...i,bkij,bk...j->bk...", offsets, torch.linalg.inv(covariance), offsets)
    return torch.exp(-0.5 * distance)
