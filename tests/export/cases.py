"""A module of each op, and one that uses all of them, with inputs."""

import torch
from torch import Tensor, nn

import ptus_kernels
from tests.ops.inputs import normal, uniform

Inputs = tuple[Tensor, ...]

FEATURE, MAP = normal(0, (2, 4, 3, 5, 6)), normal(1, (2, 4, 5, 6))
KEYPOINTS = uniform(2, (2, 3, 3), -1, 1), uniform(3, (2, 3, 3), -1, 1)
JACOBIANS = torch.eye(3) + 0.1 * normal(4, (2, 3, 3, 3))
GRID = uniform(5, (2, 2, 4, 5, 3), -1.3, 1.3)

CASES: dict[str, tuple[nn.Module, Inputs]] = {
    "grid_sample_3d": (ptus_kernels.GridSample3d(), (FEATURE, GRID)),
    "grid_sample_3d, reflection": (ptus_kernels.GridSample3d("bilinear", "reflection", True), (FEATURE, GRID)),
    "grid_sample_2d, border": (ptus_kernels.GridSample2d("bilinear", "border"), (MAP, GRID[:, 0, :, :, :2])),
    "grid_sample_2d, nearest": (ptus_kernels.GridSample2d("nearest"), (MAP, GRID[:, 0, :, :, :2])),
    "motion_features": (ptus_kernels.MotionFeatures(), (FEATURE, *KEYPOINTS)),
    "motion_features, jacobian": (ptus_kernels.MotionFeatures(0.1, True), (FEATURE, *KEYPOINTS, JACOBIANS)),
    "compose_motion": (ptus_kernels.ComposeMotion(), (FEATURE, *KEYPOINTS)),
    "compose_motion, resized": (ptus_kernels.ComposeMotion((4, 7, 9)), (FEATURE, *KEYPOINTS, JACOBIANS)),
    "occlusion_blend": (ptus_kernels.OcclusionBlend(True), (MAP, normal(6, (2, 1, 3, 3)), 2 * MAP)),
    "warp_blend": (ptus_kernels.WarpBlend(True), (FEATURE, GRID, normal(7, (2, 1, 4, 5)))),
    "soft_argmax_3d": (ptus_kernels.SoftArgmax3d(0.1), (FEATURE,)),
    "spade_modulate": (ptus_kernels.SpadeModulate(), (MAP, normal(8, (2, 4, 5, 6)), normal(9, (2, 4, 5, 6)))),
    "spade_modulate, enlarged": (
        ptus_kernels.SpadeModulate("none", scale_factor=2),
        (MAP, normal(8, (2, 4, 10, 12)), normal(9, (2, 4, 10, 12))),
    ),
}


class Animation(nn.Module):
    """Every op once, as a model would use them, and a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.masks = nn.Conv3d(4 * 5, 4, 1)
        self.fold = nn.Conv2d(4 * 3, 4, 3, padding=1)

    def forward(self, feature: Tensor, source: Tensor, occlusion: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """(B, 4, 3, 5, 6), (B, 3, 3), (B, 1, h, w), 2 × (B, 4, 10, 12) → (B, 4, 10, 12)."""
        driving = ptus_kernels.soft_argmax_3d(feature[:, :3], 0.5)
        seen = ptus_kernels.motion_features(feature, driving, source)
        deformation = ptus_kernels.compose_motion(self.masks(seen), driving, source)
        warped = ptus_kernels.warp_blend(feature, deformation, occlusion, sigmoid=True)
        behind = ptus_kernels.grid_sample_3d(feature, deformation, padding_mode="border")
        blended = ptus_kernels.occlusion_blend(warped, occlusion.sigmoid(), behind)
        features = ptus_kernels.grid_sample_2d(self.fold(blended.flatten(1, 2)), deformation[:, 0, :, :, :2])
        return ptus_kernels.spade_modulate(features, gamma, beta, scale_factor=2)


def animation() -> tuple[Animation, Inputs]:
    """The model, always with the same weights, and its inputs."""
    torch.manual_seed(0)
    maps = normal(8, (2, 4, 10, 12)), normal(9, (2, 4, 10, 12))
    return Animation().eval(), (FEATURE, KEYPOINTS[1], normal(6, (2, 1, 3, 3)), *maps)
