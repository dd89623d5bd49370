"""What grid_sample says to arguments that do not fit, and that a direct call of its ops refuses them too."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

import ptus_kernels

VOLUME = torch.zeros(2, 3, 4, 5, 6)
GRID = torch.zeros(2, 1, 1, 7, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"input": [1.0]}, TypeError, "input: expected a tensor, got list"),
        ({"grid": None}, TypeError, "grid: expected a tensor, got NoneType"),
        ({"input": VOLUME.int()}, TypeError, "input: expected float32, float64, float16 or bfloat16, got int32"),
        (
            {"grid": GRID.to(torch.complex64)},
            TypeError,
            "grid: expected float32, float64, float16 or bfloat16, got complex64",
        ),
        ({"input": VOLUME[0]}, ValueError, "input: expected 5 dimensions (N, C, D, H, W), got shape (3, 4, 5, 6)"),
        ({"grid": GRID[0]}, ValueError, "grid: expected 5 dimensions (N, d, h, w, 3), got shape (1, 1, 7, 3)"),
        (
            {"grid": GRID[..., :2]},
            ValueError,
            "grid: expected size 3 in dimension 4 of (N, d, h, w, 3), got (2, 1, 1, 7, 2)",
        ),
        (
            {"grid": GRID[:1]},
            ValueError,
            "grid: expected N = 2 as in input, in dimension 0 of (N, d, h, w, 3), got (1, 1, 1, 7, 3)",
        ),
        ({"grid": GRID.to("meta")}, ValueError, "grid: expected device cpu as input, got meta"),
        ({"input": VOLUME[:, :, :0]}, ValueError, "input: expected at least one element along D, got 0"),
        ({"input": VOLUME[:, :, :, :0]}, ValueError, "input: expected at least one element along H, got 0"),
        ({"input": VOLUME[..., :0]}, ValueError, "input: expected at least one element along W, got 0"),
        ({"mode": "bicubic"}, ValueError, "mode: expected 'bilinear' or 'nearest', got 'bicubic'"),
        (
            {"padding_mode": "circular"},
            ValueError,
            "padding_mode: expected 'zeros' or 'border' or 'reflection', got 'circular'",
        ),
        (
            {"grid": GRID.double()},
            TypeError,
            "grid: expected float32 or a half type beside a feature of float32, got float64",
        ),
        ({"input": VOLUME.double()}, TypeError, "grid: expected float64 beside a feature of float64, got float32"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_message(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        ptus_kernels.grid_sample_3d(**{"input": VOLUME, "grid": GRID, **arguments})
    assert str(raised.value) == f"grid_sample_3d: {message}"


def test_message_in_two_dimensions() -> None:
    with pytest.raises(ValueError) as raised:
        ptus_kernels.grid_sample_2d(VOLUME, GRID)
    assert str(raised.value) == "grid_sample_2d: input: expected 4 dimensions (N, C, H, W), got shape (2, 3, 4, 5, 6)"


def test_a_volume_without_voxels_can_be_sampled_nowhere() -> None:
    empty = VOLUME[:, :, :, :0].clone().requires_grad_()
    sampled = ptus_kernels.grid_sample_3d(empty, GRID[:, :, :0])
    assert sampled.shape == (2, 3, 1, 0, 7)
    assert torch.autograd.grad(sampled.sum(), empty)[0].shape == empty.shape


NAMES = ("input", "grid", "mode", "padding_mode", "align_corners")
FITTING = {"input": VOLUME, "grid": GRID, "mode": "bilinear", "padding_mode": "zeros", "align_corners": False}
GRADIENT = torch.zeros(2, 3, 1, 1, 7)

DO_NOT_FIT: list[dict[str, Any]] = [
    {"input": VOLUME[0]},
    {"input": VOLUME[:1]},
    {"input": VOLUME[:, :, :, :0]},
    {"input": VOLUME.int()},
    {"input": VOLUME.double()},
    {"input": VOLUME[:1, :1, :1, :1, :1].expand(2, 1, 1, 1, 2**31 - 2)},
    {"grid": GRID[0]},
    {"grid": GRID[..., :2]},
    {"grid": GRID.half()},
    {"grid": GRID.double()},
    {"mode": "bicubic"},
    {"padding_mode": "circular"},
]


def direct(op: str, *before: object, after: Sequence[object] = (), **arguments: object) -> object:
    """Call an op without the public function's checks."""
    fitting = {**FITTING, **arguments}
    return getattr(torch.ops.ptus_kernels, op)(*before, *(fitting[name] for name in NAMES), *after)


@pytest.mark.parametrize("arguments", DO_NOT_FIT)
def test_the_op_refuses_what_does_not_fit(arguments: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match=r"expected|do not fit"):
        direct("grid_sample_3d", **arguments)
    with pytest.raises(RuntimeError, match=r"expected|do not fit"):
        direct("grid_sample_3d_backward", GRADIENT, after=[[True, True], False], **arguments)


@pytest.mark.parametrize(
    "gradient", [GRADIENT[0], GRADIENT[:1], GRADIENT[:, :1], GRADIENT[..., :6], GRADIENT.half(), GRADIENT.double()]
)
def test_the_backward_op_refuses_a_gradient_that_does_not_fit(gradient: torch.Tensor) -> None:
    with pytest.raises(RuntimeError, match="grad_output: expected"):
        direct("grid_sample_3d_backward", gradient, after=[[True, True], False])


@pytest.mark.parametrize("mask", [[True], [True, True, True]])
def test_the_backward_op_refuses_a_mask_that_does_not_fit(mask: list[bool]) -> None:
    with pytest.raises(RuntimeError, match="output_mask: expected"):
        direct("grid_sample_3d_backward", GRADIENT, after=[mask, False])
