"""compose_motion of images, and with a background's motion: it gives what the published chain gives."""

from math import prod

import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

import ptus_kernels
from tests.ops import in_order, published
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.inputs import normal
from tests.ops.keypoints import backgrounds, drawn_background, drawn_keypoints, jacobians, keypoint_pair
from tests.ops.layouts import LAYOUTS, laid_out

HEIGHTS, WIDTHS = st.sampled_from([1, 2, 3, 5, 8, 20]), st.sampled_from([5, 1, 2, 16, 37, 65])


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    batch, count = draw(st.sampled_from([1, 2, 0])), draw(st.sampled_from([1, 2, 5, 17]))
    low = (draw(HEIGHTS), draw(WIDTHS))
    size = (draw(HEIGHTS), draw(WIDTHS)) if draw(st.booleans()) else None
    assume(batch * count * max(prod(low), prod(size or low)) <= 30_000)
    tensors = (
        laid_out(3 * normal(seed, (batch, count + 1, *low), dtype), draw(st.sampled_from(LAYOUTS))),
        *draw(drawn_keypoints(seed + 1, batch, count, dtype, rank=2)),
        draw(drawn_background(seed + 4, batch, dtype)),
    )
    layout = draw(st.sampled_from(LAYOUTS))
    return Call(in_order.compose_motion, published.compose_motion, tensors, {"size": size}, layout)


class ComposeMotion2dContract(OpContract):
    variants = ({"size": None}, {"size": (29, 70)}, {"size": (2, 11)})
    with_jacobian, with_background = False, False

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    def call(self, parameters: Parameters, low: tuple[int, int], count: int, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        jacobian = jacobians(3, 2, count, wide, rank=2) if self.with_jacobian else None
        background = backgrounds(4, 2, wide) if self.with_background else None
        logits = normal(0, (2, count + 1, *low), dtype)
        tensors = (logits, *keypoint_pair(1, 2, count, wide, rank=2), jacobian, background)
        return Call(in_order.compose_motion, published.compose_motion, tensors, parameters)

    def small_call(self, parameters: Parameters) -> Call:
        size = parameters["size"] and tuple(-(-n // 8) for n in parameters["size"])
        return self.call({"size": size}, (3, 2), 2, torch.float64)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return self.call(parameters, (40, 37), 7, dtype)


class TestTranslations(ComposeMotion2dContract):
    pass


class TestJacobians(ComposeMotion2dContract):
    with_jacobian = True


class TestBackground(ComposeMotion2dContract):
    with_jacobian, with_background = True, True


@pytest.mark.parametrize("with_background", [False, True], ids=["FOMM", "MRAA"])
def test_published_configurations(with_background: bool) -> None:
    background = backgrounds(4, 1, torch.float32) if with_background else None
    keypoints, jacobian = keypoint_pair(1, 1, 10, torch.float32, rank=2), jacobians(3, 1, 10, torch.float32, rank=2)
    tensors = (3 * normal(0, (1, 11, 64, 64)), *keypoints, jacobian, background)
    actual, expected = Call(in_order.compose_motion, published.compose_motion, tensors, {"size": None}).outputs()
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def test_background_of_a_volume() -> None:
    tensors = (
        normal(0, (2, 4, 3, 5, 18)),
        *keypoint_pair(1, 2, 3, torch.float32),
        None,
        backgrounds(4, 2, torch.float32, rank=3),
    )
    call = Call(in_order.compose_motion, published.compose_motion, tensors, {"size": (5, 4, 20)})
    for actual, expected in zip(call.outcome(), call.eager_outcome(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_a_motion_with_logits_of_minus_infinity_takes_no_part() -> None:
    logits, (driving, source) = normal(0, (1, 4, 5, 18)), keypoint_pair(1, 1, 3, torch.float32, rank=2)
    logits[:, 2] = -torch.inf
    logits.requires_grad_()
    deformation = ptus_kernels.compose_motion(logits, driving, source)
    kept = [0, 1, 3]
    expected = ptus_kernels.compose_motion(logits[:, kept], driving[:, [0, 2]], source[:, [0, 2]])
    torch.testing.assert_close(deformation, expected)
    (gradient,) = torch.autograd.grad(deformation.sum(), logits)
    assert gradient.isfinite().all() and not gradient[:, 2].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kp_driving": torch.zeros(1, 2, 3)}, "kp_driving: expected size 2 in dimension 2"),
        ({"jacobian": torch.zeros(1, 2, 3, 3)}, "jacobian: expected size 2 in dimension 2"),
        ({"background": torch.zeros(1, 3, 3)}, "background: expected size 2 in dimension 1"),
        ({"background": torch.zeros(2, 2, 3)}, "background: expected B = 1 as in mask_logits"),
        ({"size": (4, 4, 4)}, r"size: expected 2 sizes \(H, W\)"),
        ({"size": (4.0, 4)}, r"size: expected 2 sizes \(H, W\)"),
        ({"size": 4}, r"size: expected 2 sizes \(H, W\)"),
        ({"mask_logits": torch.zeros(1, 4, 5, 5)}, r"mask_logits: expected 3 channels"),
    ],
)
def test_what_does_not_fit_is_refused(change: Parameters, message: str) -> None:
    keypoints = torch.zeros(1, 2, 2)
    arguments = {"mask_logits": torch.zeros(1, 3, 5, 5), "kp_driving": keypoints, "kp_source": keypoints, **change}
    with pytest.raises(ValueError, match=f"compose_motion: {message}"):
        ptus_kernels.compose_motion(**arguments)
