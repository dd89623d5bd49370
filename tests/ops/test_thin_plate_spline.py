"""thin_plate_spline: it solves what the published model inverts."""

from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

import ptus_kernels
from tests.ops import published_splines
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.keypoints import control_points, drawn_control_points
from tests.ops.layouts import LAYOUTS


def call_of(parameters: Parameters, tensors: tuple[Tensor, ...], layout: str = "contiguous") -> Call:
    return Call(ptus_kernels.thin_plate_spline, published_splines.thin_plate_spline, tensors, parameters, layout)


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    batch, dtype = draw(st.sampled_from([1, 2, 0])), draw(st.sampled_from([torch.float32, torch.float64]))
    tensors = draw(drawn_control_points(draw(st.integers(0, 1000)), batch, dtype))
    regularization = draw(st.sampled_from([0.01, 0.1]))
    return call_of({"regularization": regularization}, tensors, draw(st.sampled_from(LAYOUTS)))


class TestThinPlateSpline(OpContract):
    variants = ({"regularization": 0.01}, {"regularization": 0.0})

    def small_call(self, parameters: Parameters) -> Call:
        return call_of(parameters, control_points(0, 2, 2, 5, torch.float64))

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return call_of(parameters, control_points(0, 4, 50, 5, dtype))

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()


def test_without_regularization_a_spline_goes_through_its_points() -> None:
    driving, source = control_points(0, 1, 3, 7, torch.float64)
    spline = ptus_kernels.thin_plate_spline(driving, source, regularization=0)
    squared = (driving[:, :, :, None] - driving[:, :, None]).square().sum(-1)
    homogeneous = torch.cat((driving, torch.ones_like(driving[..., :1])), -1)
    moved = (squared * torch.log(squared + 1e-9)) @ spline[:, :, :7] + homogeneous @ spline[:, :, 7:]
    torch.testing.assert_close(moved, source)


def test_an_affine_motion_needs_no_bending() -> None:
    driving, _ = control_points(0, 1, 1, 5, torch.float64)
    affine = torch.tensor([[1.1, 0.2], [-0.1, 0.9], [0.3, -0.2]], dtype=torch.float64)
    source = driving @ affine[:2] + affine[2]
    spline = ptus_kernels.thin_plate_spline(driving, source, regularization=0)
    torch.testing.assert_close(spline[0, 0, :5], torch.zeros(5, 2, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(spline[0, 0, 5:], affine)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"kp_source": torch.zeros(1, 2, 4, 2)}, ValueError, "kp_source: expected P = 5 as in kp_driving"),
        ({"kp_driving": torch.zeros(1, 10, 2)}, ValueError, "kp_driving: expected 4 dimensions"),
        ({"kp_source": torch.zeros(1, 2, 5, 2).double()}, TypeError, "kp_source: expected float32"),
        ({"regularization": -1.0}, ValueError, "regularization: expected a number of at least 0"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    points = torch.zeros(1, 2, 5, 2)
    with pytest.raises(error, match=f"thin_plate_spline: {message}"):
        ptus_kernels.thin_plate_spline(**{"kp_driving": points, "kp_source": points, **change})


def test_no_control_points_are_refused() -> None:
    with pytest.raises(ValueError, match="thin_plate_spline: kp_driving: expected at least one element along P"):
        ptus_kernels.thin_plate_spline(torch.zeros(1, 2, 0, 2), torch.zeros(1, 2, 0, 2))
