"""grid_sample where it is delicate: on the borders of cells, far outside, and beside numbers that are not finite."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from tests.ops.calls import Call
from tests.ops.contract import Parameters
from tests.ops.inputs import normal, points_inside_cells
from tests.ops.test_grid_sample import OPS, PADDING_MODES, VARIANTS, eager

NOT_FINITE = (torch.nan, torch.inf, -torch.inf)

of_each_rank = pytest.mark.parametrize("rank", [2, 3])
of_each_variant = pytest.mark.parametrize(
    "parameters", VARIANTS, ids=lambda variant: "-".join(map(str, variant.values()))
)


@of_each_rank
@of_each_variant
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
def test_on_voxels_and_half_way_between_the_cell_is_the_one_that_pytorch_takes(
    rank: int, parameters: Parameters, size: int
) -> None:
    # These coordinates become voxel coordinates without rounding, so that not even FMA can move them across a border.
    coordinate = torch.arange(-3 * 8, 3 * 8 + 1) / 8
    across = coordinate.roll(7)
    grid = torch.stack([coordinate, across, coordinate.roll(19)][:rank], -1).view(1, *[1] * (rank - 1), -1, rank)
    sizes = (size, 5 - size % 2, size)[-rank:]
    call = Call(OPS[rank], eager, (normal(0, (1, 2, *sizes)), grid), parameters)
    for actual, expected in zip(call.outcome(), call.eager_outcome(), strict=True):
        torch.testing.assert_close(actual, expected)


@of_each_rank
@of_each_variant
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
def test_points_that_are_not_finite_sample_nothing(rank: int, parameters: Parameters, dtype: torch.dtype) -> None:
    sizes = (3, 4, 5)[-rank:]
    input = normal(0, (2, 3, *sizes), dtype)
    grid = points_inside_cells(1, (2, *(2, 3, 66)[-rank:]), sizes, parameters["align_corners"])
    grid = grid.to(torch.promote_types(dtype, torch.float32))
    bad = grid.clone()
    for number, (axis, value) in enumerate(product(range(rank), NOT_FINITE)):
        bad.flatten(1, -2)[0, 7 * number, axis] = value
    hit = ~bad.isfinite().all(-1)

    call = Call(OPS[rank], eager, (input, bad), parameters)
    output, grad_input, grad_grid = call.outcome()
    expected_output, _, expected_grad_grid = Call(OPS[rank], eager, (input, grid), parameters).outcome()
    assert hit.sum() == 3 * rank and not output.movedim(1, -1)[hit].any() and not grad_grid[hit].any()
    assert torch.equal(output.movedim(1, -1)[~hit], expected_output.movedim(1, -1)[~hit])
    assert torch.equal(grad_grid[~hit], expected_grad_grid[~hit])
    gradient = call.grad_output.movedim(1, -1).clone()
    gradient[hit] = 0
    without = torch.autograd.grad(call.op(input.requires_grad_(), grid, **parameters), input, gradient.movedim(-1, 1))
    torch.testing.assert_close(grad_input, *without)


def small_call(rank: int, parameters: Parameters) -> Call:
    sizes = (3, 4, 5)[-rank:]
    grid = points_inside_cells(1, (1, *(3, 4, 40)[-rank:]), sizes, parameters["align_corners"])
    return Call(OPS[rank], eager, (normal(0, (1, 3, *sizes)), grid), parameters)


def everywhere_but(reached: Tensor, values: Tensor) -> Tensor:
    return torch.where(reached, 0, values)


@of_each_rank
@of_each_variant
@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_voxel_that_is_not_finite_shows_only_at_points_that_read_it(
    rank: int, parameters: Parameters, value: float
) -> None:
    call = small_call(rank, parameters)
    _, grad_input, grad_grid = call.eager_outcome()
    bad = torch.zeros_like(call.feature)
    bad[0, 1].view(-1)[::7] = 1
    spoilt = replace(call, tensors=(call.feature.masked_fill(bad > 0, value), call.tensors[1]))
    expected = spoilt.eager_outcome()[0]
    reading = ~expected.isfinite().all(1)
    assert reading.any() and not reading.all()

    actual, actual_grad_input, actual_grad_grid = spoilt.outcome()
    torch.testing.assert_close(actual, expected, equal_nan=True)
    torch.testing.assert_close(actual_grad_input, grad_input)
    torch.testing.assert_close(
        everywhere_but(reading.unsqueeze(-1), actual_grad_grid), everywhere_but(reading.unsqueeze(-1), grad_grid)
    )


@of_each_rank
@of_each_variant
@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_gradient_that_is_not_finite_reaches_only_the_voxels_that_were_read(
    rank: int, parameters: Parameters, value: float
) -> None:
    call = small_call(rank, parameters)
    bad = torch.zeros_like(call.grad_output)
    bad[0, 1].view(-1)[::25] = 1
    call.grad_output[bad > 0] = 0
    _, grad_input, grad_grid = call.eager_outcome()
    call.grad_output[bad > 0] = 1
    reached = call.eager_outcome()[1] != grad_input
    call.grad_output[bad > 0] = value

    _, actual_grad_input, actual_grad_grid = call.outcome()
    assert reached.any() and not reached.all() and torch.equal(actual_grad_input.isfinite(), ~reached)
    torch.testing.assert_close(everywhere_but(reached, actual_grad_input), everywhere_but(reached, grad_input))
    of_points = bad.any(1).unsqueeze(-1)
    torch.testing.assert_close(everywhere_but(of_points, actual_grad_grid), everywhere_but(of_points, grad_grid))


@of_each_rank
@pytest.mark.parametrize("padding", PADDING_MODES)
def test_the_nearest_voxel_does_not_depend_on_the_grid(rank: int, padding: str) -> None:
    call = small_call(rank, {"mode": "nearest", "padding_mode": padding, "align_corners": False})
    call.feature[0, 1].view(-1)[::7] = torch.inf
    call.grad_output[0, 1].view(-1)[::5] = torch.nan
    assert not call.outcome()[2].any()


@of_each_rank
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("part", [1e-30, 1e-8, 0.98, 1.0])
def test_points_far_outside_are_outside_or_on_the_border(rank: int, dtype: torch.dtype, part: float) -> None:
    sizes = (3, 4, 5)[-rank:]
    input = normal(0, (1, 2, *sizes), dtype)
    distance = part * torch.finfo(dtype).max
    corners = torch.tensor(list(product((-distance, distance), repeat=rank)), dtype=dtype)
    grid = corners.view(1, *[1] * (rank - 1), -1, rank)
    for mode, align in product(("bilinear", "nearest"), (False, True)):
        outside = OPS[rank](input, grid, mode, "zeros", align)
        assert not outside.any()
        border = OPS[rank](input, grid, mode, "border", align)
        assert torch.equal(border, OPS[rank](input, grid.sign(), mode, "border", True))
        reflected = OPS[rank](input, grid, mode, "reflection", align)
        assert (reflected.abs() <= input.abs().max()).all()
