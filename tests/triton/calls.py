"""Small calls of every op: few enough for Triton's interpreter, different enough to run all of its code."""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

import ptus_kernels
from tests.ops import (
    in_order,
    published,
    published_splines,
    test_grid_sample,
    test_occlusion_blend,
    test_soft_argmax,
    test_spade_modulate,
    test_warp_blend,
)
from tests.ops.calls import Call
from tests.ops.inputs import normal, uniform
from tests.ops.keypoints import backgrounds, control_points, covariances, jacobians, keypoint_pair
from tests.ops.layouts import laid_out

LAYOUTS = ("contiguous", "channels_last", "sliced", "reversed")


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def grid_sample_call(rank: int, variant: int, layout: str, dtype: torch.dtype, channels: int = 3) -> Call:
    """Points on voxels, between them and outside."""
    input = normal(0, (1, channels, *(2, 3, 4)[-rank:]), dtype)
    grid = uniform(1, (1, *(2, 2, 11)[-rank:], rank), -1.6, 1.6, _wide(dtype))
    grid[..., ::3, :] = (grid[..., ::3, :] * 4).round() / 4
    return Call(
        (ptus_kernels.grid_sample_2d, ptus_kernels.grid_sample_3d)[rank - 2],
        test_grid_sample.eager,
        (laid_out(input, layout), laid_out(grid, layout)),
        test_grid_sample.VARIANTS[variant],
        layout,
    )


def warp_blend_call(
    variant: int, layout: str, dtype: torch.dtype, map_size: tuple[int, int] = (4, 2), channels: int = 3
) -> Call:
    """A map of another size than the points, unless it says (2, 5)."""
    call = test_warp_blend.call_of(test_warp_blend.VARIANTS[variant], (2, 3, 4), (2, 2, 5), map_size, channels, dtype)
    tensors = tuple(None if tensor is None else laid_out(tensor, layout) for tensor in call.tensors)
    return Call(call.op, call.eager, tensors, call.parameters, layout)


def occlusion_blend_call(
    variant: int, layout: str, dtype: torch.dtype, map_size: tuple[int, int] = (2, 7), channels: int = 3
) -> Call:
    """A map of another size than the feature, unless it says (3, 4)."""
    parameters = test_occlusion_blend.VARIANTS[variant]
    features = test_occlusion_blend.features(parameters, (2, channels, 2, 3, 4), map_size, dtype)
    tensors = tuple(None if tensor is None else laid_out(tensor, layout) for tensor in features)
    return test_occlusion_blend.call_of(tensors, bool(parameters["sigmoid"]), layout)


def _motion(with_jacobian: bool, batch: int, dtype: torch.dtype, layout: str) -> tuple[Tensor | None, ...]:
    jacobian = jacobians(3, batch, batch, dtype) if with_jacobian else None
    tensors = (*keypoint_pair(1, batch, batch, dtype), jacobian)
    return tuple(None if tensor is None else laid_out(tensor, layout) for tensor in tensors)


def motion_features_call(
    with_jacobian: bool, align_corners: bool, layout: str, dtype: torch.dtype, channels: int = 2, batch: int = 1
) -> Call:
    """As many keypoints as samples."""
    feature = laid_out(normal(0, (batch, channels, 2, 3, 4), dtype), layout)
    tensors = (feature, *_motion(with_jacobian, batch, _wide(dtype), layout))
    parameters = {"kp_variance": 0.125, "align_corners": align_corners}
    return Call(ptus_kernels.motion_features, published.motion_features, tensors, parameters, layout)


def compose_motion_call(
    with_jacobian: bool, size: tuple[int, int, int] | None, layout: str, dtype: torch.dtype
) -> Call:
    """Two samples and two keypoints; logits are (2, 3, 2)."""
    logits = laid_out(3 * normal(0, (2, 3, 2, 3, 2), dtype), layout)
    tensors = (logits, *_motion(with_jacobian, 2, _wide(dtype), layout))
    return Call(ptus_kernels.compose_motion, published.compose_motion, tensors, {"size": size}, layout)


def _all_laid_out(layout: str, *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
    return tuple(None if tensor is None else laid_out(tensor, layout) for tensor in tensors)


def flat_features_call(
    with_jacobian: bool,
    with_covariance: bool,
    with_background: bool,
    layout: str,
    dtype: torch.dtype,
    channels: int = 2,
) -> Call:
    """motion_features of an image (3, 4), with two keypoints."""
    wide = _wide(dtype)
    tensors = _all_laid_out(
        layout,
        normal(0, (2, channels, 3, 4), dtype),
        *keypoint_pair(1, 2, 2, wide, rank=2),
        jacobians(3, 2, 2, wide, rank=2) if with_jacobian else None,
        *(covariances(5 + i, 2, 2, wide) if with_covariance else None for i in range(2)),
        backgrounds(4, 2, wide) if with_background else None,
    )
    parameters = {"kp_variance": 0.125, "align_corners": True}
    return Call(in_order.motion_features, published.motion_features, tensors, parameters, layout)


def flat_motion_call(
    with_jacobian: bool, with_background: bool, size: tuple[int, int] | None, layout: str, dtype: torch.dtype
) -> Call:
    """compose_motion of an image; logits are (3, 2)."""
    wide = _wide(dtype)
    tensors = _all_laid_out(
        layout,
        3 * normal(0, (2, 3, 3, 2), dtype),
        *keypoint_pair(1, 2, 2, wide, rank=2),
        jacobians(3, 2, 2, wide, rank=2) if with_jacobian else None,
        backgrounds(4, 2, wide) if with_background else None,
    )
    return Call(in_order.compose_motion, published.compose_motion, tensors, {"size": size}, layout)


def background_of_volume_call(layout: str, dtype: torch.dtype) -> Call:
    """compose_motion of a volume whose background moves."""
    wide = _wide(dtype)
    tensors = (normal(0, (2, 3, 2, 3, 2), dtype), *keypoint_pair(1, 2, 2, wide), None, backgrounds(4, 2, wide, rank=3))
    laid = _all_laid_out(layout, *tensors)
    return Call(in_order.compose_motion, published.compose_motion, laid, {"size": None}, layout)


def spline_call(layout: str, dtype: torch.dtype, points: int = 5) -> Call:
    """Two splines of two samples."""
    tensors = _all_laid_out(layout, *control_points(1, 2, 2, points, dtype))
    parameters = {"regularization": 0.01}
    return Call(ptus_kernels.thin_plate_spline, published_splines.thin_plate_spline, tensors, parameters, layout)


def spline_features_call(with_background: bool, layout: str, dtype: torch.dtype, channels: int = 2) -> Call:
    """An image (3, 4), with two splines."""
    wide = _wide(dtype)
    background = backgrounds(4, 2, wide) if with_background else None
    feature = normal(0, (2, channels, 3, 4), dtype)
    tensors = _all_laid_out(layout, feature, *control_points(1, 2, 2, 5, wide), background)
    parameters = {"kp_variance": 0.125, "align_corners": True}
    return Call(in_order.spline_features, published_splines.spline_features, tensors, parameters, layout)


def compose_splines_call(with_background: bool, size: tuple[int, int] | None, layout: str, dtype: torch.dtype) -> Call:
    """Two splines; logits are (3, 2)."""
    wide = _wide(dtype)
    background = backgrounds(4, 2, wide) if with_background else None
    logits = 3 * normal(0, (2, 3, 3, 2), dtype)
    tensors = _all_laid_out(layout, logits, *control_points(1, 2, 2, 5, wide), background)
    return Call(in_order.compose_splines, published_splines.compose_splines, tensors, {"size": size}, layout)


def soft_argmax_call(temperature: float, layout: str, dtype: torch.dtype, width: int = 5, rank: int = 3) -> Call:
    """Volumes (2, 3, width), or images (3, width)."""
    logits = laid_out(normal(0, (1, 2, *(2, 3, width)[3 - rank :]), dtype), layout)
    parameters = {"temperature": temperature}
    return Call(test_soft_argmax.OPS[rank], test_soft_argmax.eager, (logits,), parameters)


def registered_ops(call: Call) -> list[str]:
    """The ops that the dispatcher sees in a call, in order: those of splines first fit them."""
    name = call.op.__name__
    return ["thin_plate_spline", name] if name in ("spline_features", "compose_splines") else [name]


def spade_modulate_call(
    variant: int, layout: str, dtype: torch.dtype, channels: int = 3, size: tuple[int, int] = (3, 5)
) -> Call:
    """Two samples."""
    parameters = test_spade_modulate.VARIANTS[variant]
    tensors = test_spade_modulate.features((2, channels, *size), parameters["scale_factor"], dtype)
    return test_spade_modulate.call_of(tuple(laid_out(tensor, layout) for tensor in tensors), parameters, layout)


def all_calls(dtype: torch.dtype) -> Iterator[Call]:
    """Every flag of every kernel, each in some layout."""
    layouts = iter(LAYOUTS * 100)
    for rank, variant in product((2, 3), range(len(test_grid_sample.VARIANTS))):
        yield grid_sample_call(rank, variant, next(layouts), dtype)
    for variant in range(len(test_warp_blend.VARIANTS)):
        yield warp_blend_call(variant, next(layouts), dtype)
    yield warp_blend_call(0, "channels_last", dtype, map_size=(2, 5))
    for variant in range(len(test_occlusion_blend.VARIANTS)):
        yield occlusion_blend_call(variant, next(layouts), dtype)
    yield occlusion_blend_call(0, "contiguous", dtype, map_size=(3, 4))
    for with_jacobian, align_corners in product((False, True), (False, True)):
        both = with_jacobian and align_corners
        yield motion_features_call(with_jacobian, align_corners, next(layouts), dtype, batch=2 if both else 1)
    for with_jacobian, size in product((False, True), (None, (3, 2, 5))):
        yield compose_motion_call(with_jacobian, size, next(layouts), dtype)
    yield soft_argmax_call(0.4, next(layouts), dtype)
    yield soft_argmax_call(3.0, next(layouts), dtype, width=250)
    for variant in range(len(test_spade_modulate.VARIANTS)):
        yield spade_modulate_call(variant, next(layouts), dtype)
    yield spade_modulate_call(2, "contiguous", dtype, channels=1, size=(130, 140))  # of more blocks than go at a time
    yield from flat_calls(dtype)


def flat_calls(dtype: torch.dtype) -> Iterator[Call]:
    """The same of the motion ops of images."""
    layouts = iter(LAYOUTS * 100)
    both = (False, True)
    for with_jacobian, with_covariance, with_background in product(both, both, both):
        yield flat_features_call(with_jacobian, with_covariance, with_background, next(layouts), dtype)
    for with_jacobian, size in product((False, True), (None, (4, 5))):
        yield flat_motion_call(with_jacobian, size is None, size, next(layouts), dtype)
    yield background_of_volume_call(next(layouts), dtype)
    for points in (5, 3, 14):
        yield spline_call(next(layouts), dtype, points)
    for with_background, size in product((False, True), (None, (4, 5))):
        yield spline_features_call(with_background, next(layouts), dtype)
        yield compose_splines_call(with_background, size, next(layouts), dtype)
    yield soft_argmax_call(0.4, next(layouts), dtype, rank=2)


def calls_of_ones(dtype: torch.dtype) -> Iterator[Call]:
    """Every op on sizes of 1, which Triton compiles as constants."""
    feature, flat, map = (
        torch.ones(1, 1, 1, 1, 1, dtype=dtype),
        torch.ones(1, 1, 1, 1, dtype=dtype),
        torch.ones(1, 1, 1, 1),
    )
    sampling, motions = test_grid_sample.VARIANTS[5], (None, torch.ones(1, 1, 3, 3))
    grids = torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1, 1, 3)
    yield Call(ptus_kernels.grid_sample_2d, test_grid_sample.eager, (flat, grids[0]), sampling)
    blend = {"sigmoid": True, **sampling}
    yield Call(ptus_kernels.warp_blend, test_warp_blend.eager, (feature, grids[1], map, feature), blend)
    yield test_occlusion_blend.call_of((feature, map, feature), True)
    for jacobian in motions:
        tensors = (*keypoint_pair(1, 1, 1, torch.float32), jacobian)
        parameters = {"kp_variance": 0.125, "align_corners": True}
        yield Call(ptus_kernels.motion_features, published.motion_features, (feature, *tensors), parameters)
        logits = torch.ones(1, 2, 1, 1, 1, dtype=dtype)
        yield Call(ptus_kernels.compose_motion, published.compose_motion, (logits, *tensors), {"size": None})
    yield Call(ptus_kernels.soft_argmax_3d, test_soft_argmax.eager, (feature,), {"temperature": 1.0})
    yield test_spade_modulate.call_of((flat, flat, flat), test_spade_modulate.VARIANTS[0])
    points, parameters = control_points(1, 1, 1, 1, torch.float32), {"kp_variance": 0.125, "align_corners": True}
    yield Call(in_order.spline_features, published_splines.spline_features, (flat, *points, None), parameters)
    logits = torch.ones(1, 2, 1, 1, dtype=dtype)
    yield Call(in_order.compose_splines, published_splines.compose_splines, (logits, *points, None), {"size": None})


def usual_calls(dtype: torch.dtype) -> Iterator[Call]:
    """Every kernel with all of its gradients, in the layouts that it is made for: by 16 channels, or by 16 voxels."""
    yield grid_sample_call(2, 0, "contiguous", dtype, channels=16)
    yield warp_blend_call(0, "channels_last", dtype, channels=16)
    yield occlusion_blend_call(0, "channels_last", dtype, channels=16)
    for with_jacobian in (True, False):
        yield motion_features_call(with_jacobian, False, "channels_last", dtype, channels=16)
    yield compose_motion_call(True, (3, 2, 5), "contiguous", dtype)
    yield soft_argmax_call(0.4, "contiguous", dtype)
    for variant in (0, 2):
        yield spade_modulate_call(variant, "channels_last", dtype, channels=16)
    yield flat_features_call(True, True, True, "channels_last", dtype, channels=16)
    yield flat_motion_call(True, True, (4, 5), "contiguous", dtype)
    yield spline_features_call(True, "channels_last", dtype, channels=16)
    yield compose_splines_call(True, (4, 5), "contiguous", dtype)


def calls_of_all_gradients(dtype: torch.dtype) -> Iterator[Call]:
    """A call of every op that has all of its tensors."""
    yield grid_sample_call(2, 0, "contiguous", dtype)
    yield warp_blend_call(4, "contiguous", dtype)
    yield occlusion_blend_call(0, "contiguous", dtype)
    yield motion_features_call(True, False, "contiguous", dtype)
    yield compose_motion_call(True, (3, 2, 5), "contiguous", dtype)
    yield spade_modulate_call(2, "contiguous", dtype)
    yield flat_features_call(True, True, True, "contiguous", dtype)
    yield flat_motion_call(True, True, (4, 5), "contiguous", dtype)
    yield spline_call("contiguous", dtype)
    yield spline_features_call(True, "contiguous", dtype)
    yield compose_splines_call(True, (4, 5), "contiguous", dtype)
