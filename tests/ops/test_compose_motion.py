"""compose_motion: it gives what the published chain of softmax, sparse motions and a weighted sum gives."""

from math import prod

import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

import ptus_kernels
from tests.ops import published
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.inputs import normal
from tests.ops.keypoints import drawn_keypoints, jacobians, keypoint_pair
from tests.ops.layouts import LAYOUTS, laid_out

SIZES = (1, 2, 3, 5, 8)


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    batch, count = draw(st.sampled_from([1, 2, 0])), draw(st.sampled_from([1, 2, 5, 17]))
    widths = st.sampled_from([5, 1, 2, 16, 37, 65])
    low = (draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES)), draw(widths))
    size = None
    if draw(st.booleans()):
        size = (draw(st.sampled_from(SIZES)), draw(st.sampled_from(SIZES)), draw(widths))
    assume(batch * count * max(prod(low), prod(size or low)) <= 30_000)
    logits = 3 * normal(seed, (batch, count + 1, *low), dtype)
    return Call(
        ptus_kernels.compose_motion,
        published.compose_motion,
        (laid_out(logits, draw(st.sampled_from(LAYOUTS))), *draw(drawn_keypoints(seed + 1, batch, count, dtype))),
        {"size": size},
        draw(st.sampled_from(LAYOUTS)),
    )


class ComposeMotionContract(OpContract):
    variants = ({"size": None}, {"size": (5, 9, 70)}, {"size": (3, 2, 11)}, {"size": (1, 30, 3)})
    with_jacobian: bool

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    def call(self, parameters: Parameters, low: tuple[int, int, int], count: int, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        jacobian = jacobians(3, 2, count, wide) if self.with_jacobian else None
        tensors = (normal(0, (2, count + 1, *low), dtype), *keypoint_pair(1, 2, count, wide), jacobian)
        return Call(ptus_kernels.compose_motion, published.compose_motion, tensors, parameters)

    def small_call(self, parameters: Parameters) -> Call:
        size = parameters["size"] and tuple(-(-n // 4) for n in parameters["size"])
        return self.call({"size": size}, (2, 3, 2), 2, torch.float64)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return self.call(parameters, (4, 20, 37), 7, dtype)


class TestTranslations(ComposeMotionContract):
    with_jacobian = False


class TestJacobians(ComposeMotionContract):
    with_jacobian = True


@pytest.mark.parametrize("low", [(16, 64, 64), (8, 32, 32), (4, 16, 16)], ids=str)
@pytest.mark.parametrize(("count", "with_jacobian"), [(15, True), (21, False)], ids=["face-vid2vid", "LivePortrait"])
def test_published_configurations(count: int, with_jacobian: bool, low: tuple[int, int, int]) -> None:
    logits = 3 * normal(0, (1, count + 1, *low))
    jacobian = jacobians(3, 1, count, torch.float32) if with_jacobian else None
    keypoints = keypoint_pair(1, 1, count, torch.float32)
    actual = ptus_kernels.compose_motion(logits, *keypoints, jacobian, size=(16, 64, 64))
    expected = published.compose_motion(logits, *keypoints, jacobian, size=(16, 64, 64))
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def test_masks_of_very_large_logits_are_hard() -> None:
    logits = torch.full((1, 3, 2, 2, 20), -1e4)
    logits[:, 2] = 1e4
    driving, source = keypoint_pair(1, 1, 2, torch.float32)
    deformation = ptus_kernels.compose_motion(logits, driving, source)
    expected = published.coordinate_grid((2, 2, 20), source) + (source - driving)[0, 1]
    torch.testing.assert_close(deformation[0], expected)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_coordinate_that_is_not_finite_stays_in_its_axis(bad: float) -> None:
    driving, source = torch.zeros(2, 1, 3, 3)
    driving[0, 1, 1] = bad
    deformation = ptus_kernels.compose_motion(normal(0, (1, 4, 2, 5, 6)), driving, source)
    assert deformation[..., [0, 2]].isfinite().all()
    assert not deformation[..., 1].isfinite().any()
