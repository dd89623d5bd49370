"""The motion modules of the Thin-Plate Spline Motion Model (Zhao and Zhang 2022), step by step as it states them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from tests.ops import published


def radial(distance: Tensor) -> Tensor:
    """U(r) = r² log r², kept finite at 0."""
    return distance**2 * torch.log(distance**2 + 1e-9)


def length(vectors: Tensor) -> Tensor:
    """‖v‖ along the last dimension, whose gradient at 0 is 0."""
    squared = (vectors**2).sum(-1)
    return torch.where(squared > 0, torch.where(squared > 0, squared, 1).sqrt(), 0)


def thin_plate_spline(kp_driving: Tensor, kp_source: Tensor, *, regularization: float) -> Tensor:
    """The inverse of L, times the source points under which there are three rows of 0."""
    wide = published.type_of_coordinates(kp_driving)
    driving, source = kp_driving.to(wide), kp_source.to(wide)
    batch, count, points, _ = driving.shape
    upper = radial(length(driving[:, :, :, None] - driving[:, :, None]))
    beside = torch.cat([driving, driving.new_ones(batch, count, points, 1)], 3)
    corner = driving.new_zeros(batch, count, 3, 3)
    matrix = torch.cat([torch.cat([upper, beside], 3), torch.cat([beside.transpose(2, 3), corner], 3)], 2)
    matrix = matrix + regularization * torch.eye(points + 3).to(matrix)
    return torch.inverse(matrix) @ torch.cat([source, source.new_zeros(batch, count, 3, 2)], 2)


def spline_motions(
    kp_driving: Tensor, kp_source: Tensor, background: Tensor | None, size: Sequence[int], regularization: float
) -> Tensor:
    """(B, K + 1, H, W, 2): the background's motion, then each spline's."""
    spline = thin_plate_spline(kp_driving, kp_source, regularization=regularization)
    batch, count, points, _ = kp_driving.shape
    grid = published.coordinate_grid(size, kp_driving).view(1, 1, -1, 2)
    bent = radial(length(grid[:, :, None] - kp_driving[:, :, :, None])).transpose(2, 3) @ spline[:, :, :points]
    moved = grid @ spline[:, :, points : points + 2] + spline[:, :, points + 2 :] + bent
    moved = moved.view(batch, count, *size, 2)
    return torch.cat([published.background_motion(background, batch, size, kp_driving), moved], 1)


def spline_features(
    feature: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    background: Tensor | None,
    *,
    kp_variance: float,
    align_corners: bool,
    regularization: float = 0.01,
) -> Tensor:
    """The hourglass's input: the heatmap differences, then the source image deformed by each motion."""
    wide = published.type_of_coordinates(feature)
    driving, source, background = kp_driving.to(wide), kp_source.to(wide), published.widened(background, wide)
    size = feature.shape[2:]
    motions = spline_motions(driving, source, background, size, regularization)
    deformed = published.deformed_by(feature, motions, align_corners)
    difference = published.heatmaps(driving.flatten(1, 2), size, kp_variance)
    difference = difference - published.heatmaps(source.flatten(1, 2), size, kp_variance)
    none = torch.zeros_like(difference[:, :1])
    return torch.cat([none, difference, deformed.flatten(1, 2)], 1).to(feature.dtype)


def compose_splines(
    mask_logits: Tensor,
    kp_driving: Tensor,
    kp_source: Tensor,
    background: Tensor | None,
    *,
    size: Sequence[int] | None,
    regularization: float = 0.01,
) -> Tensor:
    """The deformation: every motion times its contribution map, summed."""
    wide = published.type_of_coordinates(mask_logits)
    driving, source, background = kp_driving.to(wide), kp_source.to(wide), published.widened(background, wide)
    field = tuple(mask_logits.shape[2:]) if size is None else tuple(size)
    return published.mixed(mask_logits, spline_motions(driving, source, background, field, regularization))
