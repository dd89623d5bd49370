"""Fused operators for models that animate a picture by warping its features.

Each op computes what the plain PyTorch chain computes, forward and backward; `info()` says which kernels run.
"""

from ptus_kernels.backend import use_backend
from ptus_kernels.compose_motion import compose_motion
from ptus_kernels.facts import info
from ptus_kernels.grid_sample import grid_sample_2d, grid_sample_3d
from ptus_kernels.integrations.accelerate import accelerate
from ptus_kernels.modules import (
    ComposeMotion,
    GridSample2d,
    GridSample3d,
    MotionFeatures,
    OcclusionBlend,
    SoftArgmax3d,
    SpadeModulate,
    WarpBlend,
)
from ptus_kernels.motion_features import motion_features
from ptus_kernels.occlusion_blend import occlusion_blend
from ptus_kernels.patching import patched
from ptus_kernels.soft_argmax import soft_argmax_3d
from ptus_kernels.spade_modulate import spade_modulate
from ptus_kernels.warp_blend import warp_blend

__all__ = [
    "ComposeMotion",
    "GridSample2d",
    "GridSample3d",
    "MotionFeatures",
    "OcclusionBlend",
    "SoftArgmax3d",
    "SpadeModulate",
    "WarpBlend",
    "accelerate",
    "compose_motion",
    "grid_sample_2d",
    "grid_sample_3d",
    "info",
    "motion_features",
    "occlusion_blend",
    "patched",
    "soft_argmax_3d",
    "spade_modulate",
    "use_backend",
    "warp_blend",
]
