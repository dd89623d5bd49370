"""The benchmark's eager forms compute what the ops compute, and a wrong result is not timed."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any, NoReturn, cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from bench.case import Case, prepare
from bench.correctness import Expected, WrongResultError
from bench.harness import measure
from bench.ops.bench_occlusion_blend import CASES as OCCLUSION_BLEND
from bench.ops.bench_occlusion_blend import eager

OPS = ("grid_sample", "warp_blend", "motion_features", "compose_motion", "occlusion_blend", "soft_argmax")
CASES: list[Case] = [case for op in OPS for case in import_module(f"bench.ops.bench_{op}").CASES]


@pytest.mark.once
@pytest.mark.parametrize("case", [case for case in CASES if case.name != "batch 8"], ids=lambda c: f"{c.op}-{c.name}")
def test_the_eager_form_computes_what_the_op_computes(case: Case) -> None:
    inputs = case.inputs()
    Expected(case, inputs, "forward").refuse_wrong("ours", prepare(case.ours, inputs, "forward").run())


def slightly_off(**inputs: Tensor) -> Tensor:
    return eager(**inputs) * 1.001


def of_another_shape(**inputs: Tensor) -> Tensor:
    return eager(**inputs)[..., 1:]


def not_a_number_in_one_place(**inputs: Tensor) -> Tensor:
    result = eager(**inputs)
    result[0, 0, 0, 0] = float("nan")
    return result


class NothingIsTimed:
    """In pytest-benchmark's place."""

    def pedantic(self, *_: Any, **__: Any) -> NoReturn:
        pytest.fail("a wrong result was timed")


@pytest.mark.parametrize("wrong", [slightly_off, of_another_shape, not_a_number_in_one_place])
def test_a_wrong_result_is_not_timed(wrong: Callable[..., Tensor]) -> None:
    case = replace(OCCLUSION_BLEND[0], ours=wrong)
    with pytest.raises(WrongResultError, match="ptus_kernels, tensor 0"):
        measure(case, "forward", cast(BenchmarkFixture, NothingIsTimed()), 1e10, with_compile=False)


def test_a_wrong_gradient_is_not_timed() -> None:
    case = replace(OCCLUSION_BLEND[0], ours=with_detached_background)
    with pytest.raises(WrongResultError, match="ptus_kernels, tensor 2"):
        measure(case, "backward", cast(BenchmarkFixture, NothingIsTimed()), 1e10, with_compile=False)


def with_detached_background(foreground: Tensor, occlusion: Tensor, background: Tensor) -> Tensor:
    return eager(foreground, occlusion, background.detach() + 0 * background)
