"""Crops of frames around heads and what is in them."""

import torch
from einops import rearrange
from torch import Tensor

from ptus.model.layers import identity_grid, precise
from ptus.model.rotation import product
from ptus_kernels import grid_sample_2d

HEAD_SHARE = 1.6  # the crop's side over that of the face box, which ends at brows and chin


def head_frame(face_boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centres (B, 2) and half sides (B, 1) of the heads' crops, in [-1, 1] of the frame."""
    low, high = precise(face_boxes).split(2, dim=-1)
    return (low + high) / 2, HEAD_SHARE * (high - low).amax(dim=-1, keepdim=True) / 2


def head_crops(frames: Tensor, face_boxes: Tensor, side: int) -> Tensor:
    """Square crops around heads.

    Args:
        frames: (B, 3, S, S).
        face_boxes: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame.
        side: of a crop, pixels.

    Returns:
        (B, 3, side, side); what lies beyond the frame repeats its border.
    """
    return crops(frames, *head_frame(face_boxes), side)


def crops(frames: Tensor, centre: Tensor, half: Tensor, side: int) -> Tensor:
    """Square crops of frames (B, C, S, S), by centres (B, 2) and half sides (B, 1), in [-1, 1]: (B, C, side, side)."""
    grid = centre[:, None, None] + half[:, None, None] * identity_grid((side, side), centre)
    return grid_sample_2d(frames, grid, padding_mode="border", align_corners=True)


def tilted_crops(frames: Tensor, centres: Tensor, axes: Tensor, side: int) -> Tensor:
    """Several crops of each frame, each with axes of its own.

    Args:
        frames: (B, C, S, S).
        centres: (B, P, 2), in [-1, 1] of the frame.
        axes: from a crop's centre to the middle of its right edge, and to that of its lower one: (B, P, 2, 2).
        side: of a crop, pixels.

    Returns:
        (B · P, C, side, side), channels last, the crops of a frame one after the other; what lies beyond the frame
        repeats its border.
    """
    grid = product(identity_grid((side, side), centres).flatten(0, 1), axes) + centres.unsqueeze(2)
    grid = rearrange(grid, "b p (h w) n -> b (p h) w n", h=side)
    found = grid_sample_2d(frames, grid, padding_mode="border", align_corners=True)
    found = rearrange(found, "b c (p h) w -> (b p) c h w", h=side)
    return found.contiguous(memory_format=torch.channels_last)
