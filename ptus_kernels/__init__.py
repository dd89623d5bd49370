"""Fused operators for models that animate a picture by warping its features.

Each op computes what the plain PyTorch chain computes, forward and backward; `info()` says which kernels run.
"""

from ptus_kernels.backend import use_backend
from ptus_kernels.compose_motion import compose_motion
from ptus_kernels.compose_splines import compose_splines
from ptus_kernels.facts import info
from ptus_kernels.grid_sample import grid_sample_2d, grid_sample_3d
from ptus_kernels.integrations.accelerate import accelerate
from ptus_kernels.modules import (
    ComposeMotion,
    ComposeSplines,
    GridSample2d,
    GridSample3d,
    MotionFeatures,
    OcclusionBlend,
    SoftArgmax2d,
    SoftArgmax3d,
    SpadeModulate,
    SplineFeatures,
    ThinPlateSpline,
    WarpBlend,
)
from ptus_kernels.motion_features import motion_features
from ptus_kernels.occlusion_blend import occlusion_blend
from ptus_kernels.patching import patched
from ptus_kernels.soft_argmax import soft_argmax_2d, soft_argmax_3d
from ptus_kernels.spade_modulate import spade_modulate
from ptus_kernels.spline_features import spline_features
from ptus_kernels.thin_plate_spline import thin_plate_spline
from ptus_kernels.warp_blend import warp_blend

__all__ = [
    "ComposeMotion",
    "ComposeSplines",
    "GridSample2d",
    "GridSample3d",
    "MotionFeatures",
    "OcclusionBlend",
    "SoftArgmax2d",
    "SoftArgmax3d",
    "SpadeModulate",
    "SplineFeatures",
    "ThinPlateSpline",
    "WarpBlend",
    "accelerate",
    "compose_motion",
    "compose_splines",
    "grid_sample_2d",
    "grid_sample_3d",
    "info",
    "motion_features",
    "occlusion_blend",
    "patched",
    "soft_argmax_2d",
    "soft_argmax_3d",
    "spade_modulate",
    "spline_features",
    "thin_plate_spline",
    "use_backend",
    "warp_blend",
]
