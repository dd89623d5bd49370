"""thin_plate_spline in plain PyTorch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ptus_kernels.reference.motion import radial_basis


def thin_plate_spline(kp_driving: Tensor, kp_source: Tensor, regularization: float) -> Tensor:
    """Solve L [w; Θ] = [source; 0] for all splines at once."""
    with torch.autocast(kp_driving.device.type, enabled=False):
        points = kp_driving.shape[2]
        squared = (kp_driving.unsqueeze(3) - kp_driving.unsqueeze(2)).square().sum(-1)
        homogeneous = torch.cat((kp_driving, torch.ones_like(kp_driving[..., :1])), dim=-1)
        upper = torch.cat((radial_basis(squared), homogeneous), dim=-1)
        lower = F.pad(homogeneous.transpose(-1, -2), (0, 3))
        matrix = torch.cat((upper, lower), dim=-2)
        matrix = matrix + regularization * torch.eye(points + 3, dtype=matrix.dtype, device=matrix.device)
        spline: Tensor = torch.linalg.solve(matrix, F.pad(kp_source, (0, 0, 0, 3)))
        return spline
