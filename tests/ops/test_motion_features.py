"""motion_features: it gives what the published chain of heatmaps, sparse motions and grid_sample gives."""

from itertools import product
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
from tests.ops.keypoints import drawn_keypoints, jacobians, keypoint_pair, keypoint_pair_inside_cells
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
    size = [draw(st.sampled_from([4, 1, 2, 3, 7])) for _ in range(2)]
    size.append(draw(st.sampled_from([5, 1, 2, 16, 37, 65])))
    assume(batch * channels * prod(size) * count <= 50_000)
    return Call(
        ptus_kernels.motion_features,
        published.motion_features,
        (
            laid_out(normal(seed, (batch, channels, *size), dtype), draw(st.sampled_from(LAYOUTS))),
            *draw(drawn_keypoints(seed + 1, batch, count, dtype)),
        ),
        draw(st.sampled_from(VARIANTS)),
        draw(st.sampled_from(LAYOUTS)),
    )


class MotionFeaturesContract(OpContract):
    variants = VARIANTS

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()


class TestTranslations(MotionFeaturesContract):
    def small_call(self, parameters: Parameters) -> Call:
        size = (2, 3, 3)
        keypoints = keypoint_pair_inside_cells(1, 2, 2, size, parameters["align_corners"], torch.float64)
        feature = normal(0, (2, 2, *size), torch.float64)
        return Call(ptus_kernels.motion_features, published.motion_features, (feature, *keypoints, None), parameters)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        tensors = (normal(0, (2, 5, 5, 9, 37), dtype), *keypoint_pair(1, 2, 7, wide), None)
        return Call(ptus_kernels.motion_features, published.motion_features, tensors, parameters)


class TestJacobians(MotionFeaturesContract):
    def small_call(self, parameters: Parameters) -> Call:
        feature = normal(0, (2, 2, 2, 3, 3), torch.float64)
        tensors = (feature, *keypoint_pair(1, 2, 2, torch.float64), jacobians(3, 2, 2, torch.float64))
        return Call(ptus_kernels.motion_features, published.motion_features, tensors, parameters)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        wide = torch.promote_types(dtype, torch.float32)
        tensors = (normal(0, (2, 5, 5, 9, 70), dtype), *keypoint_pair(1, 2, 7, wide), jacobians(3, 2, 7, wide))
        return Call(ptus_kernels.motion_features, published.motion_features, tensors, parameters)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(("count", "with_jacobian"), [(15, True), (21, False)], ids=["face-vid2vid", "LivePortrait"])
def test_published_configurations(count: int, with_jacobian: bool, align_corners: bool) -> None:
    feature = normal(0, (1, 4, 16, 64, 64))
    jacobian = jacobians(3, 1, count, torch.float32) if with_jacobian else None
    keypoints = keypoint_pair(1, 1, count, torch.float32)
    tensors = (feature, *keypoints, jacobian)
    actual = ptus_kernels.motion_features(*tensors, align_corners=align_corners)
    expected = published.motion_features(*tensors, kp_variance=0.01, align_corners=align_corners)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_no_motion_with_aligned_corners_is_the_identity() -> None:
    feature = normal(0, (1, 3, 4, 6, 18))
    keypoints = normal(1, (1, 2, 3))
    features = ptus_kernels.motion_features(feature, keypoints, keypoints, align_corners=True).view(1, 3, 4, 4, 6, 18)
    assert not features[:, :, 0].any()
    for motion in range(3):
        torch.testing.assert_close(features[:, motion, 1:], feature)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("with_jacobian", [False, True])
def test_a_keypoint_that_is_not_finite_warps_nothing_and_leaves_the_others_alone(
    value: float, with_jacobian: bool
) -> None:
    feature, (driving, source) = normal(0, (1, 3, 4, 6, 18)), keypoint_pair(1, 1, 3, torch.float32)
    jacobian = jacobians(3, 1, 3, torch.float32) if with_jacobian else None
    expected = ptus_kernels.motion_features(feature, driving, source, jacobian).view(1, 4, 4, 4, 6, 18)
    source = source.clone()
    source[0, 1] = value
    actual = ptus_kernels.motion_features(feature, driving, source, jacobian).view(1, 4, 4, 4, 6, 18)
    assert not actual[:, 2, 1:].any()
    assert torch.equal(actual[:, [0, 1, 3]], expected[:, [0, 1, 3]])
