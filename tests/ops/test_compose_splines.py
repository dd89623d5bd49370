"""compose_splines: it gives what the published chain of softmax, thin-plate splines and a weighted sum gives."""

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

HEIGHTS, WIDTHS = st.sampled_from([1, 2, 3, 5, 20]), st.sampled_from([5, 1, 2, 16, 37, 65])


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    batch = draw(st.sampled_from([1, 2, 0]))
    points = draw(drawn_control_points(seed + 1, batch, dtype))
    low = (draw(HEIGHTS), draw(WIDTHS))
    size = (draw(HEIGHTS), draw(WIDTHS)) if draw(st.booleans()) else None
    count = points[0].shape[1]
    assume(batch * count * max(prod(low), prod(size or low)) <= 20_000)
    logits = laid_out(3 * normal(seed, (batch, count + 1, *low), dtype), draw(st.sampled_from(LAYOUTS)))
    tensors = (logits, *points, draw(drawn_background(seed + 4, batch, dtype)))
    layout = draw(st.sampled_from(LAYOUTS))
    return Call(in_order.compose_splines, published_splines.compose_splines, tensors, {"size": size}, layout)


class ComposeSplinesContract(OpContract):
    variants = ({"size": None}, {"size": (29, 70)}, {"size": (2, 11)})
    registered_ops = 2
    with_background = False

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    def call(self, parameters: Parameters, low: tuple[int, int], count: int, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        background = backgrounds(4, 2, wide) if self.with_background else None
        tensors = (normal(0, (2, count + 1, *low), dtype), *control_points(1, 2, count, 5, wide), background)
        return Call(in_order.compose_splines, published_splines.compose_splines, tensors, parameters)

    def small_call(self, parameters: Parameters) -> Call:
        size = parameters["size"] and tuple(-(-n // 8) for n in parameters["size"])
        return self.call({"size": size}, (3, 2), 2, torch.float64)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return self.call(parameters, (40, 37), 7, dtype)


class TestSplines(ComposeSplinesContract):
    pass


class TestBackground(ComposeSplinesContract):
    with_background = True


def test_published_configuration() -> None:
    points = control_points(1, 1, 10, 5, torch.float32)
    tensors = (3 * normal(0, (1, 11, 64, 64)), *points, backgrounds(4, 1, torch.float32))
    call = Call(in_order.compose_splines, published_splines.compose_splines, tensors, {"size": None})
    actual, expected = call.outputs()
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_dropped_splines_take_no_part() -> None:
    """The published dropout: the softmax is renormalised over what is kept."""
    logits, (driving, source) = normal(0, (1, 4, 5, 18)), control_points(1, 1, 3, 5, torch.float32)
    dropped = torch.tensor([[False, True, False, False]])
    masked = logits.masked_fill(dropped[:, :, None, None], -torch.inf)
    actual = ptus_kernels.compose_splines(masked, driving, source)
    expected = ptus_kernels.compose_splines(logits[:, ~dropped[0]], driving[:, 1:], source[:, 1:])
    torch.testing.assert_close(actual, expected)


def test_control_points_far_away_bend_nothing_here() -> None:
    """No control points on the grid: logarithms of all sizes."""
    for scale in (1e-3, 1.0, 1e3):
        driving, source = (scale * points for points in control_points(1, 1, 1, 5, torch.float32))
        logits = torch.tensor([-torch.inf, 0]).view(1, 2, 1, 1).expand(1, 2, 6, 40)
        actual = ptus_kernels.compose_splines(logits, driving, source)
        expected = published_splines.compose_splines(
            logits.double(), driving.double(), source.double(), None, size=None
        )
        torch.testing.assert_close(actual.double(), expected, rtol=1e-3, atol=1e-3 * scale)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kp_driving": torch.zeros(1, 10, 2)}, "kp_driving: expected 4 dimensions"),
        (
            {"mask_logits": torch.zeros(1, 4, 5, 5)},
            r"mask_logits: expected 3 channels \(the background and 2 splines\)",
        ),
        ({"mask_logits": torch.zeros(1, 3, 2, 5, 5)}, "mask_logits: expected 4 dimensions"),
        ({"size": (4,)}, r"size: expected 2 sizes \(H, W\)"),
    ],
)
def test_what_does_not_fit_is_refused(change: Parameters, message: str) -> None:
    points = torch.zeros(1, 2, 5, 2)
    arguments = {"mask_logits": torch.zeros(1, 3, 5, 5), "kp_driving": points, "kp_source": points, **change}
    with pytest.raises(ValueError, match=f"compose_splines: {message}"):
        ptus_kernels.compose_splines(**arguments)
