"""What the motion ops share: the identity grid and the motions that keypoints and splines describe."""

from collections.abc import Sequence

import torch
from torch import Tensor

SPLINE_EPSILON = 1e-9
"""Keeps the logarithm of a thin-plate spline finite at its control points; in squared normalised coordinates."""


def identity_grid(size: Sequence[int], like: Tensor) -> Tensor:
    """Coordinates of the voxels of a volume or the pixels of an image, end points -1 and 1 included; an axis of one
    voxel lies at 0.

    Args:
        size: (D, H, W) or (H, W).
        like: gives type and device.

    Returns:
        (*size, rank), the last dimension (x, y, z) or (x, y).
    """
    axes = [
        torch.arange(1 - n, n, 2, dtype=like.dtype, device=like.device) / (n - 1) if n > 1 else like.new_zeros(n)
        for n in size
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1)


def per_point(numbers: Tensor, size: Sequence[int]) -> Tensor:
    """Vectors (B, K, rank) as (B, K, 1, …, 1, rank), to go with points of this size."""
    return numbers.view(*numbers.shape[:2], *[1] * len(size), numbers.shape[-1])


def background_motion(background: Tensor | None, size: Sequence[int], like: Tensor) -> Tensor:
    """Motion_0, (B, 1, *size, rank): A g + t for a background (B, rank, rank + 1) of rows [A | t], otherwise g."""
    grid = identity_grid(size, like)
    if background is None:
        return grid.expand(like.shape[0], 1, *grid.shape)
    moved = torch.einsum("bij,...j->b...i", background[..., :-1], grid)
    return (moved + background[..., -1].view(-1, *[1] * len(size), len(size))).unsqueeze(1)


def sparse_motions(
    kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, background: Tensor | None, size: Sequence[int]
) -> Tensor:
    """Where each motion finds the source of each voxel: the background's, then for each k J_k (g - kd_k) + ks_k.

    First-order motion model (Siarohin et al. 2019), equation 4; face-vid2vid (Wang et al. 2021), section 3.2.

    Returns:
        (B, K + 1, *size, rank).
    """
    offsets = identity_grid(size, kp_driving) - per_point(kp_driving, size)
    if jacobian is not None:
        offsets = torch.einsum("bkij,bk...j->bk...i", jacobian, offsets)
    moved = offsets + per_point(kp_source, size)
    return torch.cat((background_motion(background, size, kp_driving), moved), dim=1)


def radial_basis(squared_distance: Tensor) -> Tensor:
    """r² log(r² + ε) of squared distances r²."""
    return squared_distance * torch.log(squared_distance + SPLINE_EPSILON)


def spline_motions(kp_driving: Tensor, spline: Tensor, background: Tensor | None, size: Sequence[int]) -> Tensor:
    """Where each motion finds the source of each pixel: the background's, then the thin-plate splines'.

    Motion_k is Θ_kᵀ [g; 1] + Σ_j w_kj r_j² log(r_j² + ε), r_j = ‖g - kd_kj‖. Thin-Plate Spline Motion Model (Zhao and
    Zhang 2022), equation 2.

    Args:
        kp_driving: control points (B, K, P, 2).
        spline: (B, K, P + 3, 2), as from `thin_plate_spline`.
        background: (B, 2, 3), or None for the identity.
        size: (H, W).

    Returns:
        (B, K + 1, H, W, 2).
    """
    points = kp_driving.shape[2]
    grid = identity_grid(size, kp_driving)
    squared = (grid.unsqueeze(2) - kp_driving[:, :, None, None]).square().sum(-1)  # (B, K, H, W, P)
    bent = torch.einsum("bkhwp,bkpi->bkhwi", radial_basis(squared), spline[:, :, :points])
    homogeneous = torch.cat((grid, torch.ones_like(grid[..., :1])), dim=-1)
    moved = bent + torch.einsum("hwj,bkji->bkhwi", homogeneous, spline[:, :, points:])
    return torch.cat((background_motion(background, size, kp_driving), moved), dim=1)
