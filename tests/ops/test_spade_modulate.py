"""spade_modulate: it gives what enlarging, instance normalisation, modulation and a leaky ReLU give."""

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor

import ptus_kernels
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.inputs import normal
from tests.ops.layouts import LAYOUTS, laid_out

VARIANTS: list[Parameters] = [
    {"scale_factor": scale_factor, "activation": activation}
    for scale_factor, activation in product((1, 2), ("leaky_relu", "none"))
]


def eager(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    *,
    activation: str = "leaky_relu",
    negative_slope: float = 0.2,
    scale_factor: int = 1,
    eps: float = 1e-5,
) -> Tensor:
    """The chain as published models write it, where x is enlarged first; computed in float32 at least.

    Instance normalisation is spelt out: PyTorch's own (2.13, on the CPU) gives x a wrong gradient where the one that
    comes in is channels-last, and refuses a single pixel.
    """
    if gamma.numel() == 0:  # PyTorch does not resize nothing
        return gamma + beta + x.sum()
    wide = torch.promote_types(x.dtype, torch.float32)
    enlarged = F.interpolate(x.to(wide), scale_factor=scale_factor, mode="nearest") if scale_factor > 1 else x.to(wide)
    variance, mean = torch.var_mean(enlarged, (2, 3), correction=0, keepdim=True)
    modulated = (enlarged - mean) / torch.sqrt(variance + eps) * (1 + gamma.to(wide)) + beta.to(wide)
    return (modulated if activation == "none" else F.leaky_relu(modulated, negative_slope)).to(x.dtype)


def call_of(tensors: tuple[Tensor, ...], parameters: Parameters, gradient_layout: str = "contiguous") -> Call:
    return Call(ptus_kernels.spade_modulate, eager, tensors, parameters, gradient_layout)


def features(shape: tuple[int, int, int, int], scale: int, dtype: torch.dtype, seed: int = 0) -> tuple[Tensor, ...]:
    """x, γ and β. Whatever x becomes, no modulated number is near 0, where the leaky ReLU has its corner."""
    maps = (*shape[:2], shape[2] * scale, shape[3] * scale)
    gamma = normal(seed + 1, maps, torch.float64).clamp(-2, 2)
    # |x| stays below 4, and so does the normalised x nearly; β is beyond what it is multiplied by.
    signs = normal(seed + 2, maps, torch.float64).sign()
    beta = signs * (0.05 + 4 * (1 + gamma).abs())
    return normal(seed, shape, dtype), gamma.to(dtype), beta.to(dtype)


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    batch = draw(st.sampled_from([1, 2, 0, 3]))
    channels = draw(st.sampled_from([3, 0, 1, 2, 4, 16, 20, 33, 130]))
    size = (draw(st.sampled_from([4, 0, 1, 2, 7, 40])), draw(st.sampled_from([5, 0, 1, 2, 16, 63, 65, 130])))
    scale = draw(st.sampled_from([1, 2, 3, 70]))
    assume(batch * channels * size[0] * size[1] * scale**2 <= 200_000)
    x, gamma, beta = features((batch, channels, *size), scale, dtype, seed)
    offset = draw(st.sampled_from([0.0, 0.0, 3.0]))
    layouts = [draw(st.sampled_from(LAYOUTS)) for _ in range(4)]
    parameters = {
        "activation": draw(st.sampled_from(["leaky_relu", "none"])),
        "negative_slope": draw(st.sampled_from([0.2, 0.0, -0.5, 1.5])),
        "scale_factor": scale,
        "eps": draw(st.sampled_from([1e-5, 0.1])),
    }
    tensors = tuple(
        laid_out(tensor, layout) for tensor, layout in zip((x + offset, gamma, beta), layouts, strict=False)
    )
    return call_of(tensors, parameters, layouts[3])


class TestSpadeModulate(OpContract):
    variants = VARIANTS

    def small_call(self, parameters: Parameters) -> Call:
        return call_of(features((2, 2, 3, 4), parameters["scale_factor"], torch.float64), parameters)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return call_of(features((2, 37, 40, 70), parameters["scale_factor"], dtype), parameters)

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    def test_it_is_pytorchs_instance_norm(self) -> None:
        x, gamma, beta = features((2, 3, 8, 9), 1, torch.float32)
        expected = F.leaky_relu(F.instance_norm(x) * (1 + gamma) + beta, 0.2)
        torch.testing.assert_close(ptus_kernels.spade_modulate(x, gamma, beta), expected)

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    @pytest.mark.parametrize("scale", [1, 2])
    def test_a_far_mean_costs_no_precision(self, layout: str, scale: int) -> None:
        """Where E[x²] - E[x]² would leave nothing: the mean is 10000 deviations off, in numbers that float32 has."""
        x = (normal(0, (1, 20, 33, 65)) * 64).round() / 64 + 10000
        gamma, beta = torch.zeros(2, 1, 20, 33 * scale, 65 * scale).unbind()
        exact = eager(x.double(), gamma.double(), beta.double(), scale_factor=scale)
        actual = ptus_kernels.spade_modulate(laid_out(x, layout), gamma, beta, scale_factor=scale)
        # Of x's unit in the last place, which is 1/1024, a sum of thousands may lose a few.
        torch.testing.assert_close(actual.double(), exact, rtol=0, atol=4e-3)

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    def test_a_constant_channel_is_beta(self, layout: str) -> None:
        x = torch.full((1, 20, 9, 30), 0.1)
        gamma, beta = normal(0, (1, 20, 9, 30)), normal(1, (1, 20, 9, 30))
        actual = ptus_kernels.spade_modulate(laid_out(x, layout), gamma, beta, activation="none")
        torch.testing.assert_close(actual, beta, rtol=0, atol=1e-4)

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    def test_nan_stays_in_its_channel(self, layout: str) -> None:
        x, gamma, beta = normal(0, (2, 20, 9, 30)), normal(1, (2, 20, 9, 30)), normal(2, (2, 20, 9, 30))
        x[0, 7, 3, 11], gamma[1, 2, 3, 4], beta[1, 3, 4, 5] = torch.nan, torch.nan, torch.nan
        expected = torch.zeros(2, 20, 9, 30, dtype=torch.bool)
        expected[0, 7], expected[1, 2, 3, 4], expected[1, 3, 4, 5] = True, True, True
        assert torch.equal(ptus_kernels.spade_modulate(laid_out(x, layout), gamma, beta).isnan(), expected)

    def test_the_slope_at_the_corner_is_that_of_pytorch(self) -> None:
        x, gamma = torch.zeros(1, 1, 2, 3), torch.zeros(1, 1, 2, 3)
        beta = torch.zeros(1, 1, 2, 3, requires_grad=True)
        (gradient,) = torch.autograd.grad(ptus_kernels.spade_modulate(x, gamma, beta).sum(), beta)
        (expected,) = torch.autograd.grad(eager(x, gamma, beta).sum(), beta)
        assert torch.equal(gradient, expected)

    def test_the_module_is_the_function(self) -> None:
        x, gamma, beta = features((1, 3, 4, 5), 2, torch.float32)
        module = ptus_kernels.SpadeModulate("leaky_relu", 0.1, 2, 1e-3)
        expected = eager(x, gamma, beta, negative_slope=0.1, scale_factor=2, eps=1e-3)
        torch.testing.assert_close(module(x, gamma, beta), expected)

    @pytest.mark.parametrize("backend", ["auto", "reference"])
    def test_autocast_promotes_mixed_types(self, backend: str) -> None:
        x, gamma, beta = features((1, 3, 4, 5), 1, torch.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16), ptus_kernels.use_backend(backend):
            result = ptus_kernels.spade_modulate(x, gamma.bfloat16(), beta.bfloat16())
        assert result.dtype == torch.float32
        torch.testing.assert_close(result, eager(x, gamma.bfloat16().float(), beta.bfloat16().float()))

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"x": torch.zeros(2, 3, 8)}, ValueError),
            ({"x": torch.zeros(2, 3, 1, 4, 4)}, ValueError),
            ({"gamma": torch.zeros(2, 3, 4, 4)}, ValueError),
            ({"gamma": torch.zeros(2, 1, 8, 8)}, ValueError),
            ({"gamma": torch.zeros(2, 3, 8, 8, dtype=torch.float16)}, TypeError),
            ({"beta": torch.zeros(1, 3, 8, 8)}, ValueError),
            ({"beta": torch.zeros(2, 3, 8, 8, dtype=torch.int64)}, TypeError),
            ({"activation": "relu"}, ValueError),
            ({"negative_slope": float("nan")}, ValueError),
            ({"scale_factor": 0}, ValueError),
            ({"scale_factor": 2.0}, ValueError),
            ({"eps": 0.0}, ValueError),
            ({"eps": float("nan")}, ValueError),
        ],
    )
    def test_wrong_arguments_are_named(self, change: dict[str, Any], error: type[Exception]) -> None:
        arguments = {"x": torch.zeros(2, 3, 4, 4), "gamma": torch.zeros(2, 3, 8, 8), "beta": torch.zeros(2, 3, 8, 8)}
        with pytest.raises(error, match=f"spade_modulate: {next(iter(change))}: expected"):
            ptus_kernels.spade_modulate(**{**arguments, "scale_factor": 2, **change})
