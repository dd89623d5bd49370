"""What the motion ops share: the identity grid and the motions that keypoints describe."""

from collections.abc import Sequence

import torch
from torch import Tensor


def identity_grid(size: Sequence[int], like: Tensor) -> Tensor:
    """Coordinates (x, y, z) of a volume's voxels, end points -1 and 1 included; an axis of one voxel lies at 0.

    Args:
        size: (D, H, W).
        like: gives type and device.

    Returns:
        (D, H, W, 3).
    """
    axes = [
        torch.arange(1 - n, n, 2, dtype=like.dtype, device=like.device) / (n - 1) if n > 1 else like.new_zeros(n)
        for n in size
    ]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack((x, y, z), dim=-1)


def sparse_motions(kp_driving: Tensor, kp_source: Tensor, jacobian: Tensor | None, size: Sequence[int]) -> Tensor:
    """Where each motion finds the source of each voxel: motion_0 is g, motion_k is J_k (g - kd_k) + ks_k.

    First-order motion model (Siarohin et al. 2019), equation 4; face-vid2vid (Wang et al. 2021), section 3.2.

    Returns:
        (B, K + 1, D, H, W, 3).
    """
    batch, keypoints, _ = kp_driving.shape
    grid = identity_grid(size, kp_driving).expand(batch, 1, *size, 3)
    offsets = grid - kp_driving.view(batch, keypoints, 1, 1, 1, 3)
    if jacobian is not None:
        offsets = torch.einsum("bkij,bkdhwj->bkdhwi", jacobian, offsets)
    return torch.cat((grid, offsets + kp_source.view(batch, keypoints, 1, 1, 1, 3)), dim=1)
