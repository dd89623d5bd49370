"""The motion of images in eager PyTorch, as its models publish it, and their inputs.

FOMM: Siarohin et al. 2019. MRAA: Siarohin et al. 2021, with covariances and a moving background. TPSMM: Zhao and Zhang
2022. All see a picture of 64 × 64 in three colours, and have ten motions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.case import Inputs
from bench.inputs import feature

IMAGE = (64, 64)
COLOURS = 3
MOTIONS = 10
POINTS = 5  # of a thin-plate spline
VARIANCE, REGULARIZATION, EPSILON = 0.01, 0.01, 1e-9


def keypoints_2d(random: torch.Generator, batch: int, *count: int) -> tuple[Tensor, Tensor]:
    """Driving and source points (B, *count, 2), at most 0.1 from each other."""
    driving = torch.rand(batch, *count, 2, generator=random, device=random.device) * 1.6 - 0.8
    moved = torch.rand(batch, *count, 2, generator=random, device=random.device) * 2 - 1
    return driving, driving + 0.1 * moved


def near_identity(random: torch.Generator, *size: int) -> Tensor:
    """Matrices near the identity."""
    noise = torch.randn(*size, generator=random, device=random.device)
    return torch.eye(size[-2], size[-1], device=random.device) + 0.1 * noise


def covariances(random: torch.Generator, batch: int) -> Tensor:
    """Of heatmaps, (B, K, 2, 2)."""
    lower = near_identity(random, batch, MOTIONS, 2, 2).tril()
    return 0.02 * lower @ lower.transpose(-1, -2)


def keypoint_inputs(random: torch.Generator, batch: int, articulated: bool) -> Inputs:
    """The picture, the logits of the masks, keypoints and jacobians; of MRAA also covariances and the background."""
    inputs = {"feature": feature(random, batch, COLOURS, IMAGE)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints_2d(random, batch, MOTIONS)
    inputs["jacobian"] = near_identity(random, batch, MOTIONS, 2, 2)
    if articulated:
        inputs["covariance_driving"], inputs["covariance_source"] = (
            covariances(random, batch),
            covariances(random, batch),
        )
        inputs["background"] = near_identity(random, batch, 2, 3)
    return inputs


def spline_inputs(random: torch.Generator, batch: int) -> Inputs:
    """The picture, control points and the background's motion."""
    inputs = {"feature": feature(random, batch, COLOURS, IMAGE)}
    inputs["kp_driving"], inputs["kp_source"] = keypoints_2d(random, batch, MOTIONS, POINTS)
    inputs["background"] = near_identity(random, batch, 2, 3)
    return inputs


def mask_logits(random: torch.Generator, batch: int) -> Tensor:
    """What a network predicts from the motions' features, (B, K + 1, H, W)."""
    return feature(random, batch, MOTIONS + 1, IMAGE)


def grid_2d(size: torch.Size, like: Tensor) -> Tensor:
    """Coordinates (x, y) of the pixels, end points included: (H, W, 2)."""
    lines = [2 * (torch.arange(n, device=like.device).to(like) / (n - 1)) - 1 for n in size]
    y, x = torch.meshgrid(*lines, indexing="ij")
    return torch.stack((x, y), dim=-1)


def background_motion(background: Tensor | None, grid: Tensor, batch: int) -> Tensor:
    """The background's motion of every pixel, (B, 1, H, W, 2)."""
    repeated = grid.repeat(batch, 1, 1, 1, 1)
    if background is None:
        return repeated
    homogeneous = torch.cat((repeated, torch.ones_like(repeated[..., :1])), dim=-1)
    return torch.matmul(background[:, None, None, None], homogeneous.unsqueeze(-1)).squeeze(-1)


def keypoint_motions(
    kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, background: Tensor | None, size: torch.Size
) -> Tensor:
    """The motions of keypoints, the background's first: (B, K + 1, H, W, 2)."""
    grid = grid_2d(size, kp_driving)
    motions = grid - kp_driving[:, :, None, None]
    if jacobian is not None:
        motions = torch.matmul(jacobian[:, :, None, None], motions.unsqueeze(-1)).squeeze(-1)
    motions = motions + kp_source[:, :, None, None]
    return torch.cat((background_motion(background, grid, len(kp_driving)), motions), dim=1)


def fitted_splines(kp_driving: Tensor, kp_source: Tensor) -> Tensor:
    """Thin-plate splines through control points (B, K, P, 2): weights, then an affine motion, (B, K, P + 3, 2)."""
    batch, count, points, _ = kp_driving.shape
    squared = (kp_driving.unsqueeze(3) - kp_driving.unsqueeze(2)).square().sum(-1)
    homogeneous = torch.cat((kp_driving, torch.ones_like(kp_driving[..., :1])), dim=3)
    upper = torch.cat((squared * torch.log(squared + EPSILON), homogeneous), dim=3)
    lower = torch.cat((homogeneous.transpose(2, 3), homogeneous.new_zeros(batch, count, 3, 3)), dim=3)
    unit = torch.eye(points + 3, dtype=upper.dtype, device=upper.device)
    inverse = torch.inverse(torch.cat((upper, lower), dim=2) + REGULARIZATION * unit)
    return inverse @ torch.cat((kp_source, kp_source.new_zeros(batch, count, 3, 2)), dim=2)


def spline_motions(kp_driving: Tensor, kp_source: Tensor, background: Tensor | None, size: torch.Size) -> Tensor:
    """The motions of thin-plate splines, the background's first: (B, K + 1, H, W, 2)."""
    points, spline = kp_driving.shape[2], fitted_splines(kp_driving, kp_source)
    grid = grid_2d(size, kp_driving)
    flat = grid.flatten(0, 1)
    distance = (flat[:, None] - kp_driving[:, :, None]).square().sum(-1)
    bent = (distance * torch.log(distance + EPSILON)) @ spline[:, :, :points]
    motions = flat @ spline[:, :, points:-1] + spline[:, :, -1:] + bent
    motions = motions.unflatten(2, tuple(size))
    return torch.cat((background_motion(background, grid, len(kp_driving)), motions), dim=1)


def heatmaps(driving: Tensor, source: Tensor, spread: tuple[Tensor, Tensor] | None, size: torch.Size) -> Tensor:
    """The differences of the Gaussians around points (B, K, 2), zeros first; `spread` is their covariances."""
    grid, found = grid_2d(size, driving), []
    for index, points in enumerate((driving, source)):
        offsets = grid - points[:, :, None, None]
        if spread is None:
            found.append(torch.exp(-0.5 * (offsets**2).sum(-1) / VARIANCE))
        else:
            inverse = torch.inverse(spread[index])[:, :, None, None]
            distance = offsets.unsqueeze(-2) @ inverse @ offsets.unsqueeze(-1)
            found.append(torch.exp(-0.5 * distance.squeeze(-1).squeeze(-1)))
    difference = found[0] - found[1]
    return torch.cat((torch.zeros_like(difference[:, :1]), difference), dim=1)


def deformed(feature: Tensor, motions: Tensor, align_corners: bool) -> Tensor:
    """A picture deformed by each motion, (B, K + 1, C, H, W), in the motions' type."""
    repeated = feature.to(motions.dtype).unsqueeze(1).repeat(1, motions.shape[1], 1, 1, 1)
    sampled = F.grid_sample(repeated.flatten(0, 1), motions.flatten(0, 1), align_corners=align_corners)
    return sampled.view(repeated.shape)


def mixed(mask_logits: Tensor, motions: Tensor) -> Tensor:
    """The motions, each times its mask, summed: (B, H, W, 2); with einsum for product and sum, which is faster."""
    return torch.einsum("bkhw,bkhwc->bhwc", mask_logits.to(motions.dtype).softmax(dim=1), motions)
