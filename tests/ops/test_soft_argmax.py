"""soft_argmax_2d and soft_argmax_3d: they give the expected coordinate under PyTorch's softmax."""

import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor

import ptus_kernels
from tests.ops.calls import Call
from tests.ops.contract import OpContract, Parameters
from tests.ops.inputs import normal
from tests.ops.layouts import LAYOUTS, laid_out


def eager(logits: Tensor, temperature: float) -> Tensor:
    """The softmax, times the coordinates, summed; as published models write it."""
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    probability = torch.softmax(wide.flatten(2) / temperature, dim=2).view_as(logits)
    axes = range(2, logits.dim())
    coordinates = []
    for axis in reversed(axes):
        size = logits.shape[axis]
        line = 2 * (torch.arange(size, dtype=wide.dtype) / (size - 1)) - 1 if size > 1 else wide.new_zeros(1)
        coordinates.append(line.view(-1, *[1] * (logits.dim() - 1 - axis)))
    return torch.stack([(probability * coordinate).sum(tuple(axes)) for coordinate in coordinates], -1)


OPS = {2: ptus_kernels.soft_argmax_2d, 3: ptus_kernels.soft_argmax_3d}


@st.composite
def any_calls(draw: st.DrawFn, rank: int) -> Call:
    # Not float64: in any order of summation a sum of many is a few units off, and nothing exacter is there to say so.
    dtype = draw(st.sampled_from([torch.float32, torch.float16, torch.bfloat16]))
    batch, keypoints = draw(st.sampled_from([1, 2, 0, 3])), draw(st.sampled_from([3, 0, 1, 2, 16, 17, 40]))
    sizes = [draw(st.sampled_from([3, 1, 2, 5])), draw(st.sampled_from([4, 1, 2, 15]))][3 - rank :]
    shape = (batch, keypoints, *sizes, draw(st.sampled_from([5, 1, 2, 16, 31, 32, 65, 130])))
    assume(torch.Size(shape).numel() <= 200_000)
    temperature = draw(st.sampled_from([1.0, 0.4, 7.5]))
    logits = normal(draw(st.integers(0, 1000)), shape, torch.float64) * draw(st.sampled_from([1, 0, 3]))
    # A slope along each axis keeps keypoints off the centre, where coordinates cancel and relative errors say nothing.
    for axis in range(2, 2 + rank):
        logits += 3 * temperature * torch.linspace(-1, 1, shape[axis]).view(-1, *[1] * (1 + rank - axis))
    return Call(
        OPS[rank],
        eager,
        (laid_out(logits.to(dtype), draw(st.sampled_from(LAYOUTS))),),
        {"temperature": temperature},
        draw(st.sampled_from(["contiguous", "reversed", "sliced", "row_expanded"])),
    )


class SoftArgmaxContract(OpContract):
    variants = ({"temperature": 0.1}, {"temperature": 1.0}, {"temperature": 10.0})
    rank: int

    def small_call(self, parameters: Parameters) -> Call:
        shape = (2, 2, *(2, 3, 4)[3 - self.rank :])
        return Call(OPS[self.rank], eager, (normal(0, shape, torch.float64),), parameters)

    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        shape = (2, 21, *(7, 19, 70)[3 - self.rank :])
        return Call(OPS[self.rank], eager, (normal(0, shape, dtype),), parameters)

    def calls(self) -> st.SearchStrategy[Call]:
        return any_calls(self.rank)


class TestSoftArgmax2D(SoftArgmaxContract):
    rank = 2

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    def test_infinite_logits(self, layout: str) -> None:
        logits = normal(0, (1, 3, 4, 37))
        logits[:, 1, 0] = -torch.inf
        logits[:, 2] = -torch.inf
        keypoints = ptus_kernels.soft_argmax_2d(laid_out(logits, layout), 0.5)
        torch.testing.assert_close(keypoints, eager(logits, 0.5), equal_nan=True)
        assert keypoints[:, 2].isnan().all() and keypoints[:, :2].isfinite().all()

    @pytest.mark.parametrize("shape", [(1, 2, 3, 4, 5), (1, 2, 3), (1, 2, 0, 4), (1, 2, 4, 0)])
    def test_shapes_without_an_image_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="soft_argmax_2d: logits: expected"):
            ptus_kernels.soft_argmax_2d(torch.zeros(shape))


class TestSoftArgmax3D(SoftArgmaxContract):
    rank = 3

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    def test_infinite_logits(self, layout: str) -> None:
        logits = normal(0, (1, 5, 3, 4, 37))
        logits[:, 1, 0] = -torch.inf  # a plane
        logits[:, 2, :, :, 5:] = -torch.inf  # part of each row
        logits[:, 3] = -torch.inf  # everything: no coordinate is likelier than another, and none is likely
        logits[:, 4, 1, 2, 3] = torch.inf
        leaf = laid_out(logits, layout).requires_grad_()
        keypoints = ptus_kernels.soft_argmax_3d(leaf, 0.5)
        (gradient,) = torch.autograd.grad(keypoints[:, :3].sum(), leaf)
        expected = eager(logits, 0.5)
        assert expected[:, 3:].isnan().all() and keypoints[:, 3:].isnan().all()
        torch.testing.assert_close(keypoints[:, :3], expected[:, :3])
        assert gradient[:, :3].isfinite().all()
        assert (gradient[:, :3][logits[:, :3] == -torch.inf] == 0).all()

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    def test_nan_stays_with_its_keypoint(self, layout: str) -> None:
        logits = normal(0, (2, 4, 3, 5, 37))
        logits[1, 2, 1, 3, 20] = torch.nan
        expected = torch.zeros(2, 4, 3, dtype=torch.bool)
        expected[1, 2] = True
        assert torch.equal(ptus_kernels.soft_argmax_3d(laid_out(logits, layout)).isnan(), expected)

    @pytest.mark.parametrize("temperature", [1e-6, 1e-30, 1e-300])
    def test_cold_is_argmax(self, temperature: float) -> None:
        logits = torch.zeros(1, 2, 3, 5, 9)
        logits[0, 0, 2, 0, 8], logits[0, 1, 1, 2, 0] = 3e4, 1
        keypoints = ptus_kernels.soft_argmax_3d(logits, temperature)
        assert keypoints.tolist() == [[[1, -1, 1], [-1, 0, 0]]]

    def test_hot_is_the_centre(self) -> None:
        keypoints = ptus_kernels.soft_argmax_3d(normal(0, (1, 3, 4, 6, 50)), 1e30)
        torch.testing.assert_close(keypoints, torch.zeros(1, 3, 3), rtol=0, atol=1e-6)

    def test_large_logits_do_not_overflow(self) -> None:
        logits = normal(0, (1, 3, 4, 6, 50)) * 1e30
        torch.testing.assert_close(ptus_kernels.soft_argmax_3d(logits), eager(logits, 1.0))

    @pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf"), 1e39])
    def test_temperature_is_positive(self, temperature: float) -> None:
        with pytest.raises(ValueError, match="soft_argmax_3d: temperature: expected a positive number"):
            ptus_kernels.soft_argmax_3d(torch.zeros(1, 1, 2, 2, 2), temperature)

    def test_a_temperature_that_would_lose_its_gradient_is_refused(self) -> None:
        temperature = torch.tensor(0.1, requires_grad=True)
        with pytest.raises(TypeError, match=r"temperature: expected a positive number, not a tensor.*, got Tensor"):
            ptus_kernels.soft_argmax_3d(torch.zeros(1, 1, 2, 2, 2), temperature)  # type: ignore[arg-type]

    @pytest.mark.parametrize("shape", [(1, 2, 3, 4), (1, 2, 0, 4, 4), (1, 2, 4, 4, 0)])
    def test_shapes_without_a_volume_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="soft_argmax_3d: logits: expected"):
            ptus_kernels.soft_argmax_3d(torch.zeros(shape))
