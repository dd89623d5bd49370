"""motion_features of images, with covariances and a background's motion: it gives what the published chain gives."""

from itertools import product
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
from tests.ops.keypoints import (
    backgrounds,
    covariances,
    drawn_background,
    drawn_keypoints,
    jacobians,
    keypoint_pair,
    keypoint_pair_inside_cells,
    types_beside,
)
from tests.ops.layouts import LAYOUTS, laid_out

VARIANTS = [
    {"kp_variance": variance, "align_corners": align} for variance, align in product((0.1, 0.01), (False, True))
]


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    batch, count = draw(st.sampled_from([1, 2, 0])), draw(st.sampled_from([1, 2, 5]))
    channels = draw(st.sampled_from([3, 1, 4, 9, 17, 0]))
    size = (draw(st.sampled_from([4, 1, 2, 3, 17])), draw(st.sampled_from([5, 1, 2, 16, 37, 65])))
    assume(batch * channels * prod(size) * count <= 30_000)
    spread: tuple[torch.Tensor | None, ...] = (None, None)
    if draw(st.booleans()):
        # Rows that are all alike would have no inverse.
        layouts = st.sampled_from([layout for layout in LAYOUTS if layout != "row_expanded"])
        types = st.sampled_from(types_beside(dtype))
        both = [covariances(seed + 5 + i, batch, count, draw(types)) for i in range(2)]
        spread = tuple(laid_out(covariance, draw(layouts)) for covariance in both)
    tensors = (
        laid_out(normal(seed, (batch, channels, *size), dtype), draw(st.sampled_from(LAYOUTS))),
        *draw(drawn_keypoints(seed + 1, batch, count, dtype, rank=2)),
        *spread,
        draw(drawn_background(seed + 4, batch, dtype)),
    )
    parameters, layout = draw(st.sampled_from(VARIANTS)), draw(st.sampled_from(LAYOUTS))
    return Call(in_order.motion_features, published.motion_features, tensors, parameters, layout)


class MotionFeatures2dContract(OpContract):
    variants = VARIANTS
    with_jacobian, with_covariance, with_background = False, False, False

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    def call(
        self,
        parameters: Parameters,
        feature: torch.Tensor,
        keypoints: tuple[torch.Tensor, torch.Tensor],
        dtype: torch.dtype,
    ) -> Call:
        batch, count, _ = keypoints[0].shape
        spread = [covariances(5 + i, batch, count, dtype) if self.with_covariance else None for i in range(2)]
        tensors = (
            feature,
            *keypoints,
            jacobians(3, batch, count, dtype, rank=2) if self.with_jacobian else None,
            *spread,
            backgrounds(4, batch, dtype) if self.with_background else None,
        )
        return Call(in_order.motion_features, published.motion_features, tensors, parameters)

    def small_call(self, parameters: Parameters) -> Call:
        size = (3, 3)
        keypoints = keypoint_pair(1, 2, 2, torch.float64, rank=2)
        if not self.with_jacobian:
            keypoints = keypoint_pair_inside_cells(1, 2, 2, size, parameters["align_corners"], torch.float64)
        return self.call(parameters, normal(0, (2, 2, *size), torch.float64), keypoints, torch.float64)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        keypoints = keypoint_pair(1, 2, 7, wide, rank=2)
        return self.call(parameters, normal(0, (2, 5, 21, 70), dtype), keypoints, wide)


class TestTranslations(MotionFeatures2dContract):
    pass


class TestJacobians(MotionFeatures2dContract):
    with_jacobian = True


class TestCovariances(MotionFeatures2dContract):
    with_covariance = True


class TestEverything(MotionFeatures2dContract):
    with_jacobian, with_covariance, with_background = True, True, True


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("articulated", [False, True], ids=["FOMM", "MRAA"])
def test_published_configurations(articulated: bool, align_corners: bool) -> None:
    wide = torch.float32
    spread = [covariances(5 + i, 1, 10, wide) if articulated else None for i in range(2)]
    keypoints, jacobian = keypoint_pair(1, 1, 10, wide, rank=2), jacobians(3, 1, 10, wide, rank=2)
    background = backgrounds(4, 1, wide) if articulated else None
    tensors = (normal(0, (1, 3, 64, 64)), *keypoints, jacobian, *spread, background)
    parameters = {"kp_variance": 0.01, "align_corners": align_corners}
    actual, expected = Call(in_order.motion_features, published.motion_features, tensors, parameters).outputs()
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_background_of_a_volume() -> None:
    tensors = (
        normal(0, (2, 3, 3, 5, 18)),
        *keypoint_pair(1, 2, 3, torch.float32),
        None,
        None,
        None,
        backgrounds(4, 2, torch.float32, rank=3),
    )
    call = Call(in_order.motion_features, published.motion_features, tensors, VARIANTS[0])
    for actual, expected in zip(call.outcome(), call.eager_outcome(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_no_motion_with_aligned_corners_is_the_identity() -> None:
    feature, keypoints, spread = normal(0, (1, 3, 6, 18)), normal(1, (1, 2, 2)), covariances(2, 1, 2, torch.float32)
    for covariance in (None, spread):
        features = ptus_kernels.motion_features(
            feature,
            keypoints,
            keypoints,
            covariance_driving=covariance,
            covariance_source=covariance,
            align_corners=True,
        ).view(1, 3, 4, 6, 18)
        assert not features[:, :, 0].any()
        for motion in range(3):
            torch.testing.assert_close(features[:, motion, 1:], feature)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kp_source": torch.zeros(1, 2, 3)}, "kp_source: expected size 2 in dimension 2"),
        ({"covariance_driving": torch.ones(1, 2, 2, 2)}, "covariance_source: expected a tensor where the other"),
        ({"covariance_source": torch.ones(1, 2, 2, 2)}, "covariance_driving: expected a tensor where the other"),
        (
            {"covariance_driving": torch.ones(1, 2, 2), "covariance_source": torch.ones(1, 2, 2, 2)},
            "covariance_driving: expected 4 dimensions",
        ),
        ({"kp_variance": 0.0}, "kp_variance: expected a positive number"),
        ({"background": torch.ones(1, 2, 2)}, "background: expected size 3 in dimension 2"),
    ],
)
def test_what_does_not_fit_is_refused(change: Parameters, message: str) -> None:
    keypoints = torch.zeros(1, 2, 2)
    arguments = {"feature": torch.zeros(1, 3, 5, 5), "kp_driving": keypoints, "kp_source": keypoints, **change}
    with pytest.raises(ValueError, match=f"motion_features: {message}"):
        ptus_kernels.motion_features(**arguments)


def test_covariances_of_a_volume_are_refused() -> None:
    keypoints, spread = torch.zeros(1, 2, 3), torch.ones(1, 2, 3, 3)
    with pytest.raises(ValueError, match="motion_features: covariance_driving: expected None beside a feature volume"):
        ptus_kernels.motion_features(
            torch.zeros(1, 3, 2, 5, 5), keypoints, keypoints, covariance_driving=spread, covariance_source=spread
        )
