"""warp_blend: it gives what grid_sample, resizing, the sigmoid and broadcasting give."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor

import ptus_kernels
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.inputs import normal, points_inside_cells, uniform
from tests.ops.layouts import LAYOUTS, laid_out

VARIANTS = [
    {
        "rank": rank,
        "tensors": tensors,
        "sigmoid": sigmoid,
        "mode": mode,
        "padding_mode": padding,
        "align_corners": align,
    }
    for rank, tensors, sigmoid, mode, padding, align in (
        (3, "occlusion and background", True, "bilinear", "zeros", False),
        (3, "occlusion", True, "bilinear", "border", True),
        (3, "", False, "bilinear", "zeros", True),
        (3, "occlusion and background", False, "nearest", "reflection", False),
        (2, "occlusion and background", True, "bilinear", "reflection", True),
        (2, "occlusion", False, "nearest", "zeros", False),
        (2, "", False, "nearest", "border", False),
    )
]


def eager(
    input: Tensor,
    deformation: Tensor,
    occlusion: Tensor | None,
    background: Tensor | None,
    sigmoid: bool,
    mode: str,
    padding_mode: str,
    align_corners: bool,
) -> Tensor:
    """The chain as published models write it, computed in the type of the widest."""
    wide = torch.promote_types(torch.promote_types(input.dtype, deformation.dtype), torch.float32)
    if input.numel() == 0 or deformation.numel() == 0:  # PyTorch's own takes none of these
        nothing = input.sum((*range(2, input.dim()),)).view(*input.shape[:2], *(input.dim() - 2) * [1]) * 0
        result = nothing + deformation.sum(-1).unsqueeze(1) * 0
        for tensor in (occlusion, background):
            result = result if tensor is None else result + 0 * tensor.sum()
        return result.to(input.dtype)
    result = F.grid_sample(input.to(wide), deformation.to(wide), mode, padding_mode, align_corners)
    if occlusion is not None:
        o = occlusion.to(wide)
        if o.shape[2:] != result.shape[-2:]:
            o = F.interpolate(o, result.shape[-2:], mode="bilinear", align_corners=False)
        o = torch.sigmoid(o) if sigmoid else o
        o = o.unsqueeze(2) if result.dim() == 5 else o
        result = result * o
        if background is not None:
            result = result + background.to(wide) * (1 - o)
    return result.to(input.dtype)


def call_of(
    parameters: Parameters,
    sizes: tuple[int, ...],
    points: tuple[int, ...],
    map_size: tuple[int, int],
    channels: int,
    dtype: torch.dtype,
) -> Call:
    """A call where the op is smooth; sizes and points are (z, y, x), of which the last `rank` count."""
    rank, tensors = parameters["rank"], parameters["tensors"]
    sizes, points = sizes[-rank:], points[-rank:]
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    return Call(
        ptus_kernels.warp_blend,
        eager,
        (
            normal(0, (2, channels, *sizes), dtype),
            points_inside_cells(1, (2, *points), sizes, parameters["align_corners"], wide),
            uniform(2, (2, 1, *map_size), -2, 2, wide) if "occlusion" in tensors else None,
            normal(3, (2, channels, *points), dtype) if "background" in tensors else None,
        ),
        {name: value for name, value in parameters.items() if name not in ("rank", "tensors")},
    )


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed, rank = draw(st.integers(0, 1000)), draw(st.sampled_from([3, 2]))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    wide_types = [torch.float64] if dtype == torch.float64 else [torch.float32, torch.float16, torch.bfloat16]
    batch, channels = draw(st.sampled_from([1, 2, 0, 3])), draw(st.sampled_from([3, 1, 0, 4, 17, 33, 130]))
    sizes = draw(st.lists(st.sampled_from([4, 1, 2, 7, 16]), min_size=rank, max_size=rank))
    points = draw(st.lists(st.sampled_from([3, 1, 0, 2, 9]), min_size=rank - 1, max_size=rank - 1))
    points.append(draw(st.sampled_from([5, 1, 0, 2, 63, 64, 65, 130])))
    map_size = tuple(points[-2:]) if draw(st.booleans()) else draw(st.tuples(*2 * [st.sampled_from([3, 1, 2, 8])]))
    shape, output_shape = (batch, channels, *sizes), (batch, channels, *points)
    assume(torch.Size(shape).numel() <= 100_000 and torch.Size(output_shape).numel() <= 100_000)

    def drawn(values: Tensor, dtypes: list[torch.dtype]) -> Tensor:
        return laid_out(values.to(draw(st.sampled_from(dtypes))), draw(st.sampled_from(LAYOUTS)))

    tensors = draw(st.sampled_from(["occlusion and background", "occlusion", ""]))
    parameters = draw(st.sampled_from(VARIANTS))
    return Call(
        ptus_kernels.warp_blend,
        eager,
        (
            drawn(normal(seed, shape), [dtype]),
            drawn(uniform(seed + 1, (batch, *points, rank), -1.2, 1.2), wide_types),
            drawn(normal(seed + 2, (batch, 1, *map_size)), wide_types) if "occlusion" in tensors else None,
            drawn(normal(seed + 3, output_shape), [dtype]) if "background" in tensors else None,
        ),
        {name: value for name, value in parameters.items() if name not in ("rank", "tensors")},
        draw(st.sampled_from(LAYOUTS)),
    )


class TestWarpBlend(OpContract):
    variants = VARIANTS

    def small_call(self, parameters: Parameters) -> Call:
        return call_of(parameters, (2, 3, 4), (2, 2, 3), (4, 2), 2, torch.float64)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return call_of(parameters, (5, 17, 21), (4, 12, 70), (6, 35), 19, dtype)

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    def test_without_a_map_it_is_grid_sample(self, layout: str) -> None:
        input, points = laid_out(normal(0, (2, 20, 4, 9, 30)), layout), uniform(1, (2, 3, 9, 70, 3), -1.1, 1.1)
        assert torch.equal(ptus_kernels.warp_blend(input, points), ptus_kernels.grid_sample_3d(input, points))

    @pytest.mark.parametrize("mode", ["bilinear", "nearest"])
    def test_what_is_hidden_is_the_background(self, mode: str) -> None:
        input, points = normal(0, (1, 20, 4, 9, 30)), uniform(1, (1, 3, 9, 70, 3), -3, 3)
        background, occlusion = normal(2, (1, 20, 3, 9, 70)), torch.full((1, 1, 9, 70), -torch.inf)
        blended = ptus_kernels.warp_blend(input, points, occlusion, background, sigmoid=True, mode=mode)
        torch.testing.assert_close(blended, background, rtol=0, atol=0)

    def test_points_that_are_not_finite_show_the_background(self) -> None:
        input, points = normal(0, (1, 20, 9, 30)), uniform(1, (1, 9, 70, 2), -1, 1)
        points[0, 3, 5, 0], points[0, 4, 66, 1] = torch.nan, torch.inf
        background, occlusion = normal(2, (1, 20, 9, 70)), uniform(3, (1, 1, 9, 70), 0, 1)
        leaves = [tensor.requires_grad_() for tensor in (input, points, occlusion, background)]
        blended = ptus_kernels.warp_blend(*leaves)
        gradients = torch.autograd.grad(blended.sum(), leaves)
        expected = (1 - occlusion) * background
        for y, x in ((3, 5), (4, 66)):
            torch.testing.assert_close(blended[..., y, x], expected[..., y, x])
        assert all(gradient.isfinite().all() for gradient in gradients)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"input": torch.zeros(2, 3, 8)}, ValueError),
            ({"deformation": torch.zeros(2, 4, 5, 3)}, ValueError),
            ({"deformation": torch.zeros(1, 4, 5, 2)}, ValueError),
            ({"occlusion": torch.zeros(2, 2, 4, 4)}, ValueError),
            ({"occlusion": torch.zeros(2, 1, 4, 4, dtype=torch.float64)}, TypeError),
            ({"background": torch.zeros(2, 3, 8, 8)}, ValueError),
            ({"background": torch.zeros(2, 3, 4, 5, dtype=torch.float16)}, TypeError),
            ({"background": torch.zeros(2, 3, 4, 5), "occlusion": None}, ValueError),
            ({"mode": "bicubic"}, ValueError),
            ({"padding_mode": "circular"}, ValueError),
        ],
    )
    def test_wrong_arguments_are_named(self, change: dict[str, Any], error: type[Exception]) -> None:
        arguments = {
            "input": torch.zeros(2, 3, 8, 8),
            "deformation": torch.zeros(2, 4, 5, 2),
            "occlusion": torch.zeros(2, 1, 4, 4),
            "background": torch.zeros(2, 3, 4, 5),
        }
        with pytest.raises(error, match=f"warp_blend: {next(iter(change))}: expected"):
            ptus_kernels.warp_blend(**{**arguments, **change})
