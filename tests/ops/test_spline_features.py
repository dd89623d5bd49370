"""spline_features: it gives what the published chain of heatmaps, thin-plate splines and grid_sample gives."""

from itertools import product
from math import prod

import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

import ptus_kernels
from tests.ops import in_order, published_splines
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.inputs import normal
from tests.ops.keypoints import backgrounds, control_points, drawn_background, drawn_control_points
from tests.ops.layouts import LAYOUTS, laid_out

VARIANTS = [
    {"kp_variance": variance, "align_corners": align} for variance, align in product((0.1, 0.01), (True, False))
]


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    batch, channels = draw(st.sampled_from([1, 2, 0])), draw(st.sampled_from([3, 1, 4, 9, 0]))
    size = (draw(st.sampled_from([4, 1, 2, 17])), draw(st.sampled_from([5, 1, 2, 16, 37, 65])))
    points = draw(drawn_control_points(seed + 1, batch, dtype))
    assume(batch * (channels + points[0].shape[2]) * points[0].shape[1] * prod(size) <= 30_000)
    feature = laid_out(normal(seed, (batch, channels, *size), dtype), draw(st.sampled_from(LAYOUTS)))
    tensors = (feature, *points, draw(drawn_background(seed + 4, batch, dtype)))
    parameters, layout = draw(st.sampled_from(VARIANTS)), draw(st.sampled_from(LAYOUTS))
    return Call(in_order.spline_features, published_splines.spline_features, tensors, parameters, layout)


class SplineFeaturesContract(OpContract):
    variants = VARIANTS
    registered_ops = 2
    with_background = False

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    def call(self, parameters: Parameters, size: tuple[int, ...], count: int, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        background = backgrounds(4, 2, wide) if self.with_background else None
        tensors = (normal(0, (2, *size), dtype), *control_points(1, 2, count, 5, wide), background)
        return Call(in_order.spline_features, published_splines.spline_features, tensors, parameters)

    def small_call(self, parameters: Parameters) -> Call:
        return self.call(parameters, (2, 3, 4), 2, torch.float64)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return self.call(parameters, (5, 21, 70), 6, dtype)


class TestSplines(SplineFeaturesContract):
    pass


class TestBackground(SplineFeaturesContract):
    with_background = True


@pytest.mark.parametrize("align_corners", [False, True])
def test_published_configuration(align_corners: bool) -> None:
    points = control_points(1, 1, 10, 5, torch.float32)
    tensors = (normal(0, (1, 3, 64, 64)), *points, backgrounds(4, 1, torch.float32))
    parameters = {"kp_variance": 0.01, "align_corners": align_corners}
    call = Call(in_order.spline_features, published_splines.spline_features, tensors, parameters)
    actual, expected = call.outputs()
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-3)


def test_no_motion_is_the_identity() -> None:
    feature, (points, _) = normal(0, (1, 3, 6, 18)), control_points(1, 1, 2, 5, torch.float32)
    features = ptus_kernels.spline_features(feature, points, points, regularization=0)
    assert not features[:, :11].any()
    for motion in range(3):
        torch.testing.assert_close(features[:, 11 + 3 * motion :][:, :3], feature, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_point_that_is_not_finite_warps_nothing_and_leaves_the_other_splines_alone(value: float) -> None:
    feature, (driving, source) = normal(0, (1, 3, 6, 18)), control_points(1, 1, 3, 5, torch.float32)
    expected = ptus_kernels.spline_features(feature, driving, source)[:, 16:].view(1, 4, 3, 6, 18)
    source = source.clone()
    source[0, 1, 2] = value
    actual = ptus_kernels.spline_features(feature, driving, source)[:, 16:].view(1, 4, 3, 6, 18)
    assert not actual[:, 2].any()
    assert torch.equal(actual[:, [0, 1, 3]], expected[:, [0, 1, 3]])


def test_a_feature_volume_is_refused() -> None:
    points = torch.zeros(1, 2, 5, 2)
    with pytest.raises(ValueError, match="spline_features: feature: expected 4 dimensions"):
        ptus_kernels.spline_features(torch.zeros(1, 3, 2, 5, 5), points, points)
