"""grid_sample_2d and grid_sample_3d: they give what torch.nn.functional.grid_sample gives."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import ClassVar

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor

import ptus_kernels
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.dispatched import dispatched_ops
from tests.ops.inputs import normal, points_inside_cells, uniform
from tests.ops.layouts import LAYOUTS, laid_out
from tests.ops.precision import assert_close_to_exact, assert_no_worse_than_eager

MODES = ("bilinear", "nearest")
PADDING_MODES = ("zeros", "border", "reflection")
VARIANTS: list[Parameters] = [
    {"mode": mode, "padding_mode": padding, "align_corners": align}
    for mode, padding, align in product(MODES, PADDING_MODES, (False, True))
]
OPS = {2: ptus_kernels.grid_sample_2d, 3: ptus_kernels.grid_sample_3d}


def eager(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """PyTorch's own, for types of input and grid that it would not take together."""
    wide = torch.promote_types(torch.promote_types(input.dtype, grid.dtype), torch.float32)
    return F.grid_sample(input.to(wide), grid.to(wide), mode, padding_mode, align_corners).to(input.dtype)


@st.composite
def any_calls(draw: st.DrawFn, rank: int) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    grid_types = [torch.float64] if dtype == torch.float64 else [torch.float32, torch.float16, torch.bfloat16]
    batch = draw(st.sampled_from([1, 2, 3]))
    channels = draw(st.sampled_from([3, 1, 2, 4, 5, 8, 17, 33, 130]))
    sizes = draw(st.lists(st.sampled_from([4, 1, 2, 3, 7, 16, 21]), min_size=rank, max_size=rank))
    points = draw(st.lists(st.sampled_from([3, 1, 2, 9]), min_size=rank - 1, max_size=rank - 1))
    points.append(draw(st.sampled_from([5, 1, 2, 63, 64, 65, 130])))
    assume(batch * channels * prod(sizes) <= 100_000 and batch * channels * prod(points) <= 50_000)
    nothing = draw(st.sampled_from([None] * 12 + ["batch", "channels", "first", "last"]))
    batch, channels = 0 if nothing == "batch" else batch, 0 if nothing == "channels" else channels
    points = [0 if nothing == "first" else points[0], *points[1:-1], 0 if nothing == "last" else points[-1]]
    reach = draw(st.sampled_from([1.2, 0.9, 3.0, 3e4]))
    grid = uniform(seed, (batch, *points, rank), -reach, reach, torch.float64)
    if draw(st.booleans()):  # on voxels, on their borders and half way between
        grid = (grid * 16).round() / 16
    input = normal(seed + 1, (batch, channels, *sizes), dtype)
    return Call(
        OPS[rank],
        eager,
        (
            laid_out(input, draw(st.sampled_from(LAYOUTS))),
            laid_out(grid.to(draw(st.sampled_from(grid_types))), draw(st.sampled_from(LAYOUTS))),
        ),
        draw(st.sampled_from(VARIANTS)),
        draw(st.sampled_from(LAYOUTS)),
    )


class GridSampleContract(OpContract):
    variants = VARIANTS
    rank: ClassVar[int]

    def small_call(self, parameters: Parameters) -> Call:
        sizes, points = (2, 3, 2)[-self.rank :], (1, 2, 2)[-self.rank :]
        input = normal(0, (2, 2, *sizes), torch.float64)
        return Call(OPS[self.rank], eager, (input, self.grid(points, sizes, parameters, torch.float64)), parameters)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        sizes, points = (5, 17, 21)[-self.rank :], (4, 12, 70)[-self.rank :]
        input = normal(0, (2, 19, *sizes), dtype)
        grid_type = torch.float64 if dtype == torch.float64 else torch.float32
        return Call(OPS[self.rank], eager, (input, self.grid(points, sizes, parameters, grid_type)), parameters)

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls(self.rank)

    def grid(
        self, points: tuple[int, ...], sizes: tuple[int, ...], parameters: Parameters, dtype: torch.dtype
    ) -> Tensor:
        return points_inside_cells(1, (2, *points), sizes, parameters["align_corners"], dtype)


class TestGridSample2D(GridSampleContract):
    rank = 2


class TestGridSample3D(GridSampleContract):
    rank = 3


def pytorch_samples() -> Iterator[tuple[Tensor, Tensor, Parameters]]:
    """What PyTorch tests its own grid_sample with, where the mode is one of ours and the input is not large."""
    pytest.importorskip("expecttest")  # PyTorch's module of samples imports it
    from torch.testing._internal.common_methods_invocations import op_db

    for info in op_db:
        if info.name not in ("nn.functional.grid_sample", "grid_sampler_2d", "grid_sampler_3d"):
            continue
        for sample in info.sample_inputs("cpu", torch.float32):
            parameters = dict(sample.kwargs)
            if not parameters:  # the ops underneath number their modes
                mode, padding, align = sample.args[1:]
                parameters = {"mode": (*MODES, "bicubic")[mode], "padding_mode": PADDING_MODES[padding]}
                parameters["align_corners"] = align
            if parameters["mode"] in MODES and sample.input.numel() < 1_000_000:
                yield sample.input, sample.args[0], parameters


@pytest.mark.once
def test_samples_of_pytorch() -> None:
    torch.manual_seed(0)
    count = 0
    for input, grid, parameters in pytorch_samples():
        call = Call(OPS[input.dim() - 2], eager, (input, grid), parameters)
        (assert_close_to_exact if input.numel() < 10_000 else assert_no_worse_than_eager)(call)
        count += 1
    assert count > 50


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_autocast_leaves_the_types_alone(rank: int, dtype: torch.dtype) -> None:
    input, grid = normal(0, (2, 3, *(4, 5, 6)[-rank:]), dtype), uniform(1, (2, *(2, 3, 4)[-rank:], rank), -1.1, 1.1)
    expected = OPS[rank](input, grid)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sampled = OPS[rank](input, grid)
    assert sampled.dtype == dtype and torch.equal(sampled, expected)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("scale", [1, 1e-6, 1e4], ids=["usual", "subnormal", "large"])
def test_half_types_are_computed_in_float32_and_rounded_once(rank: int, dtype: torch.dtype, scale: float) -> None:
    input = (scale * normal(0, (2, 19, *(4, 5, 6)[-rank:]))).to(dtype)
    grid = uniform(1, (2, *(2, 3, 40)[-rank:], rank), -1.1, 1.1)
    assert torch.equal(OPS[rank](input, grid), OPS[rank](input.float(), grid).to(dtype))


@pytest.mark.parametrize("rank", [2, 3])
def test_a_view_that_negates_is_negated(rank: int) -> None:
    input, grid = normal(0, (2, 3, *(4, 5, 6)[-rank:])), uniform(1, (2, *(2, 3, 4)[-rank:], rank), -1.1, 1.1)
    assert torch.equal(OPS[rank](torch._neg_view(input), torch._neg_view(grid)), OPS[rank](-input, -grid))


@pytest.mark.parametrize("rank", [2, 3])
def test_reference_samples_as_pytorch_does(rank: int) -> None:
    sizes = (4, 5, 6)[-rank:]
    for parameters in VARIANTS:
        grid = points_inside_cells(1, (2, *(2, 3, 4)[-rank:]), sizes, parameters["align_corners"])
        call = Call(OPS[rank], eager, (normal(0, (2, 3, *sizes)), grid), parameters)
        with ptus_kernels.use_backend("reference"), dispatched_ops("ptus_kernels") as ops:
            outcome = call.outcome()
        assert not ops
        for actual, expected in zip(outcome, call.eager_outcome(), strict=True):
            torch.testing.assert_close(actual, expected)
