"""The fused ops timed against plain PyTorch."""

import pytest

import ptus_kernels
from ptus.demo.rendering import Renderer
from ptus.demo.timing import compare_backends


def test_plain_pytorch_is_not_compared_with_itself(renderer: Renderer) -> None:
    with ptus_kernels.use_backend("reference"):
        assert compare_backends(renderer, 2) is None


def test_both_backends_are_timed_on_the_same_frames(renderer: Renderer) -> None:
    comparison = compare_backends(renderer, 2)
    if comparison is None:
        pytest.skip("the chosen backend is plain PyTorch")
    assert len(comparison.fused) == len(comparison.eager) == 2
    assert min(comparison.fused + comparison.eager) > 0
    assert comparison.largest_difference <= 1
