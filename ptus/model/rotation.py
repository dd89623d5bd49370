"""Rotations as matrices that act on row vectors: x R."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

LEAST_WIDTH = 0.3  # of a head that is seen from the side: what is read from it would grow beyond any bound


def product(rows: Tensor, matrix: Tensor) -> Tensor:
    """rows · matrix, (…, n, m) and (…, m, k) → (…, n, k), in their own type, which autocast would halve."""
    return (rows.unsqueeze(-1) * matrix.unsqueeze(-3)).sum(dim=-2)


def downwards(rotation: Tensor) -> Tensor:
    """What a step of length 1 down heads (B, 3, 3), by their tilt alone, is in the picture: x and y, (B, 2)."""
    return normalize(rotation[:, 1, :2], dim=-1)


def upright(rotation: Tensor) -> Tensor:
    """What a step to the right and one down are in the picture along a head, by its tilt alone: orthonormal.

    Args:
        rotation: of heads, (B, 3, 3).

    Returns:
        (B, 2, 2), x and y of each step.
    """
    down = downwards(rotation)
    return torch.stack((torch.stack((down[:, 1], -down[:, 0]), dim=-1), down), dim=1)


def width(rotation: Tensor) -> Tensor:
    """How wide a head that turns is across its tilt, as a share of one that looks ahead: (B, 1), at least LEAST_WIDTH.

    Args:
        rotation: of heads, (B, 3, 3).
    """
    # Its area in the picture, the cofactor of the axis that points away, over its height.
    return (rotation[:, 2, 2:].abs() / height(rotation)).clamp(min=LEAST_WIDTH, max=1.0)


def height(rotation: Tensor) -> Tensor:
    """How high a head that nods is along its tilt, likewise."""
    high: Tensor = torch.linalg.vector_norm(rotation[:, 1, :2], dim=-1, keepdim=True)
    return high.clamp(min=LEAST_WIDTH)


def from_angles(angles: Tensor) -> Tensor:
    """Rotation matrices of head poses.

    Args:
        angles: (B, 3): yaw about y, pitch about x, roll about z, in radians.

    Returns:
        (B, 3, 3), R = R_roll · R_pitch · R_yaw for row vectors.
    """
    yaw, pitch, roll = angles.unbind(-1)
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)

    about_y = matrix((yaw.cos(), zero, -yaw.sin()), (zero, one, zero), (yaw.sin(), zero, yaw.cos()))
    about_x = matrix((one, zero, zero), (zero, pitch.cos(), pitch.sin()), (zero, -pitch.sin(), pitch.cos()))
    about_z = matrix((roll.cos(), roll.sin(), zero), (-roll.sin(), roll.cos(), zero), (zero, zero, one))
    return product(product(about_z, about_x), about_y)


def power(rotation: Tensor, exponent: float) -> Tensor:
    """The rotation about the same axis by `exponent` times the angle.

    Args:
        rotation: (B, 3, 3), by less than half a turn, which no head exceeds; about half a turn the axis is undefined.
        exponent: 0 gives the identity, 1 the rotation itself.

    Returns:
        (B, 3, 3), by Rodrigues' formula.
    """
    skew = (rotation - rotation.transpose(-1, -2)) / 2
    sine = torch.stack((skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]), dim=-1).norm(dim=-1)
    cosine = (rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    angle = torch.atan2(sine, cosine)
    tiny = sine < 1e-6  # there the axis is rounding, and the rotation is the identity as far as it can be told
    axis = skew / torch.where(tiny, torch.ones_like(sine), sine)[..., None, None]
    turned = torch.where(tiny, torch.zeros_like(angle), exponent * angle)[..., None, None]
    return torch.eye(3, dtype=rotation.dtype, device=rotation.device) + (
        turned.sin() * axis + (1 - turned.cos()) * product(axis, axis)
    )
