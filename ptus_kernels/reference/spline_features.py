"""spline_features in plain PyTorch."""

import torch
from torch import Tensor

from ptus_kernels.reference.grid_sample import grid_sample, grid_sample_by_taps
from ptus_kernels.reference.motion import spline_motions
from ptus_kernels.reference.motion_features import Sample, heatmap, warped_by_each


def spline_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    spline: Tensor,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
    *,
    sample: Sample = grid_sample,
) -> Tensor:
    """The heatmap differences of all control points, then the feature warped by each spline."""
    with torch.autocast(feature.device.type, enabled=False):
        size = feature.shape[2:]
        motions = spline_motions(kp_driving, spline, background, size)
        warped = warped_by_each(feature, motions, align_corners, sample)
        heatmaps = heatmap(kp_driving.flatten(1, 2), None, size, kp_variance)
        heatmaps = heatmaps - heatmap(kp_source.flatten(1, 2), None, size, kp_variance)
        heatmaps = torch.cat((torch.zeros_like(heatmaps[:, :1]), heatmaps), dim=1)
        return torch.cat((heatmaps.to(feature.dtype), warped.flatten(1, 2)), dim=1)


def spline_features_by_taps(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    spline: Tensor,
    background: Tensor | None,
    kp_variance: float,
    align_corners: bool,
) -> Tensor:
    """The same, differentiable any number of times."""
    return spline_features(
        feature, kp_driving, kp_source, spline, background, kp_variance, align_corners, sample=grid_sample_by_taps
    )
