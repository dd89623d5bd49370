"""Registers every op in Triton as `ptus_kernels::<op>_triton`, with the signature of the compiled op."""

from collections.abc import Callable
from typing import Any

import torch
import triton
from torch import Tensor

from ptus_kernels.registration import register_like
from ptus_kernels.triton.compose_motion import compose_motion, compose_motion_backward
from ptus_kernels.triton.compose_splines import compose_splines, compose_splines_backward
from ptus_kernels.triton.grid_sample import grid_sample, grid_sample_backward
from ptus_kernels.triton.motion_features import motion_features, motion_features_backward
from ptus_kernels.triton.occlusion_blend import occlusion_blend, occlusion_blend_backward
from ptus_kernels.triton.soft_argmax import soft_argmax, soft_argmax_backward
from ptus_kernels.triton.spade_modulate import spade_modulate, spade_modulate_backward
from ptus_kernels.triton.spline_features import spline_features, spline_features_backward
from ptus_kernels.triton.thin_plate_spline import thin_plate_spline, thin_plate_spline_backward
from ptus_kernels.triton.warp_blend import warp_blend, warp_blend_backward

INTERPRETED: bool = triton.knobs.runtime.interpret
"""Whether kernels run in Triton's interpreter, and so on the CPU; decided when they are defined."""

# name: arguments, op, backward. The arguments are those of csrc/ops.cpp.
OPS: dict[str, tuple[str, Callable[..., Tensor], Callable[..., list[Tensor]]]] = {
    "grid_sample_2d": (
        "Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners",
        grid_sample,
        grid_sample_backward,
    ),
    "grid_sample_3d": (
        "Tensor input, Tensor grid, str mode, str padding_mode, bool align_corners",
        grid_sample,
        grid_sample_backward,
    ),
    "motion_features": (
        "Tensor feature, Tensor kp_driving, Tensor kp_source, Tensor? jacobian, Tensor? covariance_driving, "
        "Tensor? covariance_source, Tensor? background, float kp_variance, bool align_corners",
        motion_features,
        motion_features_backward,
    ),
    "compose_motion": (
        "Tensor mask_logits, Tensor kp_driving, Tensor kp_source, Tensor? jacobian, Tensor? background, SymInt[] size",
        compose_motion,
        compose_motion_backward,
    ),
    "occlusion_blend": (
        "Tensor foreground, Tensor occlusion, Tensor? background, bool sigmoid",
        occlusion_blend,
        occlusion_blend_backward,
    ),
    "warp_blend": (
        "Tensor input, Tensor deformation, Tensor? occlusion, Tensor? background, bool sigmoid, str mode, "
        "str padding_mode, bool align_corners",
        warp_blend,
        warp_blend_backward,
    ),
    "thin_plate_spline": (
        "Tensor kp_driving, Tensor kp_source, float regularization",
        thin_plate_spline,
        thin_plate_spline_backward,
    ),
    "spline_features": (
        "Tensor feature, Tensor kp_driving, Tensor kp_source, Tensor spline, Tensor? background, float kp_variance, "
        "bool align_corners",
        spline_features,
        spline_features_backward,
    ),
    "compose_splines": (
        "Tensor mask_logits, Tensor kp_driving, Tensor spline, Tensor? background, SymInt[] size",
        compose_splines,
        compose_splines_backward,
    ),
    "soft_argmax_2d": ("Tensor logits, float temperature", soft_argmax, soft_argmax_backward),
    "soft_argmax_3d": ("Tensor logits, float temperature", soft_argmax, soft_argmax_backward),
    "spade_modulate": (
        "Tensor x, Tensor gamma, Tensor beta, int scale_factor, float negative_slope, float eps",
        spade_modulate,
        spade_modulate_backward,
    ),
}

_LIBRARY = torch.library.Library("ptus_kernels", "FRAGMENT")


def _on_device_of_first(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Launch on the device where the tensors are: Triton takes the current one."""

    def launch(first: Tensor, *arguments: Any) -> Any:
        if not first.is_cuda:
            return kernel(first, *arguments)
        with torch.cuda.device(first.device):
            return kernel(first, *arguments)

    return launch


def _without_last(backward: Callable[..., list[Tensor]]) -> Callable[..., list[Tensor]]:
    """Leave out `deterministic`: where sums have no fixed order, the launch raises if it is asked for."""
    return lambda *arguments: backward(*arguments[:-1])


def _define(name: str, arguments: str, op: Callable[..., Tensor], backward: Callable[..., list[Tensor]]) -> None:
    _LIBRARY.define(f"{name}_triton({arguments}) -> Tensor")
    backward_arguments = f"Tensor grad_output, {arguments}, bool[] output_mask, bool deterministic"
    _LIBRARY.define(f"{name}_triton_backward({backward_arguments}) -> Tensor[]")
    for device in ("CPU", "CUDA"):
        _LIBRARY.impl(f"{name}_triton", _on_device_of_first(op), device)
        _LIBRARY.impl(f"{name}_triton_backward", _on_device_of_first(_without_last(backward)), device)
    register_like(name, f"{name}_triton")


for _name, _op in OPS.items():
    _define(_name, *_op)
