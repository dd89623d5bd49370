"""The benchmark's eager forms compute what the ops compute, and a wrong result is not timed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench.case import DIRECTIONS, Case
from bench.cases import CASES
from bench.contenders import Contenders
from bench.correctness import WrongResultError
from bench.device import Cpu
from bench.harness import Harness
from bench.inputs import LARGE_VOLUME
from bench.model import bench_families
from bench.settings import Setting
from tests.bench.small import OP, Untimed, product, setting_of

# Families' frames take minutes: tests/integrations compares them at sizes of a test.
SMALLER = [
    case for case in CASES if "cpu" in case.devices and case.size != LARGE_VOLUME and case not in bench_families.CASES
]
HARNESS = Harness(Untimed(2), 1e10, with_compile=False)


@pytest.mark.once
@pytest.mark.parametrize("case", SMALLER, ids=lambda case: f"{case.op.name}-{case.name}")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_ours_computes_what_the_eager_form_computes(case: Case, dtype: str) -> None:
    if dtype not in case.dtypes:
        pytest.skip("measured in float32 alone")
    setting = Setting(case, case.directions[0], "cpu", dtype)
    Contenders(setting, [Cpu(2).draw(case.draw, 1, 20)], Cpu(2)).ours()


def slightly_off(a: Tensor, b: Tensor) -> Tensor:
    return a * b * 1.001


def of_another_shape(a: Tensor, b: Tensor) -> Tensor:
    return (a * b)[..., 1:]


def not_a_number_in_one_place(a: Tensor, b: Tensor) -> Tensor:
    result = a * b
    return result.masked_fill(torch.arange(result.numel()).view(result.shape) == 3, float("nan"))


class RightOnce:
    """Right on the first inputs; on others it gives what it gave for the first."""

    def __init__(self) -> None:
        self.kept: Tensor | None = None

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = a * b
        return self.kept


@pytest.mark.parametrize(
    "wrong",
    [slightly_off, of_another_shape, not_a_number_in_one_place, RightOnce()],
    ids=["slightly off", "of another shape", "not a number", "right once"],
)
def test_a_wrong_result_is_not_timed(wrong: Callable[..., Tensor]) -> None:
    with pytest.raises(WrongResultError, match="ptus_kernels, tensor 0"):
        HARNESS.measure(setting_of(replace(OP, ours=wrong)))


def with_a_gradient_missing(a: Tensor, b: Tensor) -> Tensor:
    return a * b.detach() + 0 * b


@pytest.mark.parametrize(("direction", "position"), [("backward", 1), ("both", 2)])
def test_a_wrong_gradient_is_not_timed(direction: str, position: int) -> None:
    with pytest.raises(WrongResultError, match=f"ptus_kernels, tensor {position}"):
        HARNESS.measure(setting_of(replace(OP, ours=with_a_gradient_missing), direction))


class Scaled(nn.Module):
    """A product with a factor that is learned."""

    def __init__(self, learns: bool) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(3.0))
        self.learns = learns

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b * (self.factor if self.learns else self.factor.detach() + 0 * self.factor)


def test_a_wrong_gradient_of_a_parameter_is_not_timed() -> None:
    with pytest.raises(WrongResultError, match="tensor 3"):
        HARNESS.measure(setting_of(replace(OP, ours=Scaled(False), eager=Scaled(True)), "both"))


class Shifted(Scaled):
    """The same with a shift that does not matter, and whose gradient is of one rounding or another."""

    def __init__(self, rounding: float) -> None:
        super().__init__(learns=True)
        self.shift = nn.Parameter(torch.tensor(0.0))
        self.rounding = rounding

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return super().forward(a, b) + self.rounding * self.shift


def test_a_parameter_that_does_not_matter_is_no_wrong_gradient() -> None:
    with pytest.raises(AssertionError, match="it was timed"):
        HARNESS.measure(setting_of(replace(OP, ours=Shifted(2e-9), eager=Shifted(1e-9)), "both"))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_every_sample_of_a_batch_is_checked(direction: str) -> None:
    def wrong_in_the_third(a: Tensor, b: Tensor) -> Tensor:
        scale = torch.where(torch.arange(len(a)) == 2, 1.1, 1.0).view(-1, 1, 1, 1)
        return a * b * scale.to(a.dtype)

    setting = replace(setting_of(replace(OP, ours=wrong_in_the_third), direction), batch=4)
    with pytest.raises(WrongResultError):
        HARNESS.measure(setting)


def test_a_right_result_is_timed() -> None:
    with pytest.raises(AssertionError, match="it was timed"):
        HARNESS.measure(setting_of(replace(OP, ours=product, eager=the_same)))


def the_same(a: Tensor, b: Tensor) -> Tensor:
    return b * a


def only_in_float32(a: Tensor, b: Tensor) -> Tensor:
    assert a.dtype == torch.float32, "too much memory"
    return a * b


def one_value_off(by: float) -> Callable[..., Tensor]:
    def form(a: Tensor, b: Tensor) -> Tensor:
        result = a * b
        span = result.max() - result.min()
        return torch.cat((result.flatten()[:1] + by * span, result.flatten()[1:])).view(result.shape)

    return form


@pytest.mark.parametrize(("by", "refused"), [(0.0, False), (9e-5, False), (1.1e-4, True), (float("nan"), True)])
def test_what_float64_has_no_memory_for_is_checked_in_float32(by: float, refused: bool) -> None:
    setting = setting_of(replace(OP, ours=one_value_off(by), eager=only_in_float32))
    setting = replace(setting, case=replace(setting.case, checked_in="float32"))
    error, message = (WrongResultError, "of its range") if refused else (AssertionError, "it was timed")
    with pytest.raises(error, match=message):
        HARNESS.measure(setting)


def test_only_families_frames_are_checked_in_float32() -> None:
    assert [case for case in CASES if case.checked_in != "float64"] == bench_families.CASES
