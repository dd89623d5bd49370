"""occlusion_blend: it gives what resizing, the sigmoid and broadcasting give."""

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
from tests.ops.inputs import normal, uniform
from tests.ops.layouts import LAYOUTS, laid_out

VARIANTS = [
    {"sigmoid": sigmoid, "background": background, "rank": rank}
    for sigmoid, background, rank in product((True, False), (True, False), (2, 3))
]


def eager(foreground: Tensor, occlusion: Tensor, background: Tensor | None, sigmoid: bool) -> Tensor:
    """The chain as published models write it, computed in the type of the widest."""
    wide = torch.promote_types(torch.promote_types(foreground.dtype, occlusion.dtype), torch.float32)
    o = occlusion.to(wide)
    if o.shape[2:] != foreground.shape[-2:]:
        if foreground.numel() == 0:  # PyTorch's own does not resize to nothing, or from it
            return foreground + 0 * occlusion.sum() + (0 if background is None else background)
        o = F.interpolate(o, foreground.shape[-2:], mode="bilinear", align_corners=False)
    if sigmoid:
        o = torch.sigmoid(o)
    if foreground.dim() == 5:
        o = o.unsqueeze(2)
    blended = foreground.to(wide) * o
    if background is not None:
        blended = blended + background.to(wide) * (1 - o)
    return blended.to(foreground.dtype)


def call_of(tensors: tuple[Tensor | None, ...], sigmoid: bool, gradient_layout: str = "contiguous") -> Call:
    return Call(ptus_kernels.occlusion_blend, eager, tensors, {"sigmoid": sigmoid}, gradient_layout)


def features(
    parameters: Parameters, shape: tuple[int, ...], map_size: tuple[int, int], dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Foreground, occlusion map and background."""
    shape = shape if parameters["rank"] == 3 else (*shape[:2], *shape[3:])
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    background = normal(2, shape, dtype) if parameters["background"] else None
    return normal(0, shape, dtype), uniform(1, (shape[0], 1, *map_size), -2, 2, wide), background


@st.composite
def any_calls(draw: st.DrawFn) -> Call:
    seed = draw(st.integers(0, 1000))
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    map_types = [torch.float64] if dtype == torch.float64 else [torch.float32, torch.float16, torch.bfloat16]
    batch = draw(st.sampled_from([1, 2, 0, 3]))
    channels = draw(st.sampled_from([3, 0, 1, 2, 4, 16, 20, 33, 130]))
    depth = draw(st.sampled_from([(), (1,), (2,), (5,), (0,)]))
    size = (draw(st.sampled_from([4, 0, 1, 2, 7, 40])), draw(st.sampled_from([5, 0, 1, 2, 16, 63, 65, 130])))
    map_size = size if draw(st.booleans()) else draw(st.tuples(*2 * [st.sampled_from([3, 1, 2, 8, 33])]))
    shape = (batch, channels, *depth, *size)
    assume(torch.Size(shape).numel() <= 200_000)

    def drawn(offset: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return laid_out(normal(seed + offset, shape, dtype), draw(st.sampled_from(LAYOUTS)))

    foreground = drawn(0, shape, dtype)
    occlusion = drawn(1, (batch, 1, *map_size), draw(st.sampled_from(map_types)))
    background = drawn(2, shape, dtype) if draw(st.booleans()) else None
    return call_of((foreground, occlusion, background), draw(st.booleans()), draw(st.sampled_from(LAYOUTS)))


class TestOcclusionBlend(OpContract):
    variants = VARIANTS

    def small_call(self, parameters: Parameters) -> Call:
        return call_of(features(parameters, (2, 2, 2, 3, 4), (2, 6), torch.float64), parameters["sigmoid"])

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        return call_of(features(parameters, (2, 37, 3, 40, 70), (20, 35), dtype), parameters["sigmoid"])

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls()

    @pytest.mark.parametrize(
        ("logit", "size"), [(-torch.inf, (33, 70)), (torch.inf, (33, 70)), (-200.0, (11, 200)), (200.0, (66, 35))]
    )
    def test_logits_far_out_are_0_or_1(self, logit: float, size: tuple[int, int]) -> None:
        foreground, background = normal(0, (1, 3, 33, 70)), normal(1, (1, 3, 33, 70))
        occlusion = torch.full((1, 1, *size), logit)
        blended = ptus_kernels.occlusion_blend(foreground, occlusion, background, sigmoid=True)
        torch.testing.assert_close(blended, background if logit < 0 else foreground, rtol=0, atol=0)

    def test_nan_stays_where_it_is(self) -> None:
        foreground, occlusion = normal(0, (1, 20, 9, 30)), normal(1, (1, 1, 9, 30))
        foreground[0, 7, 3, 11], occlusion[0, 0, 5, 2] = torch.nan, torch.nan
        expected = torch.zeros(1, 20, 9, 30, dtype=torch.bool)
        expected[0, 7, 3, 11], expected[0, :, 5, 2] = True, True
        for layout in ("contiguous", "channels_last"):
            blended = ptus_kernels.occlusion_blend(laid_out(foreground, layout), occlusion, sigmoid=True)
            assert torch.equal(blended.isnan(), expected)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"occlusion": torch.zeros(2, 2, 4, 4)}, ValueError),
            ({"occlusion": torch.zeros(1, 1, 4, 4)}, ValueError),
            ({"occlusion": torch.zeros(2, 1, 0, 4)}, ValueError),
            ({"occlusion": torch.zeros(2, 1, 4, 4, dtype=torch.float64)}, TypeError),
            ({"background": torch.zeros(2, 3, 8, 7)}, ValueError),
            ({"background": torch.zeros(2, 3, 8, 8, dtype=torch.float16)}, TypeError),
            ({"foreground": torch.zeros(2, 3, 8)}, ValueError),
        ],
    )
    def test_wrong_arguments_are_named(self, change: dict[str, Any], error: type[Exception]) -> None:
        arguments = {"foreground": torch.zeros(2, 3, 8, 8), "occlusion": torch.zeros(2, 1, 4, 4)}
        arguments["background"] = torch.zeros(2, 3, 8, 8)
        with pytest.raises(error, match=f"occlusion_blend: {next(iter(change))}: expected"):
            ptus_kernels.occlusion_blend(**{**arguments, **change})
