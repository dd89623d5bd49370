"""Fused operators for models that animate a picture by warping its features.

Each op computes what the plain PyTorch chain computes, forward and backward; `info()` says which kernels run.
"""

from ptus_kernels.backend import use_backend
from ptus_kernels.facts import info
from ptus_kernels.grid_sample import grid_sample_2d, grid_sample_3d

__all__ = ["grid_sample_2d", "grid_sample_3d", "info", "use_backend"]
