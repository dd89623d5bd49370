"""What every op promises. The tests of an op inherit this and say which calls to try it on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad

from tests.ops.allocated import allocated_bytes
from tests.ops.calls import Call
from tests.ops.dispatched import dispatched_ops
from tests.ops.layouts import laid_out
from tests.ops.precision import assert_close_to_exact, assert_no_worse_than_eager
from tests.ops.threads import number_of_threads

Parameters = Mapping[str, Any]


class OpContract(ABC):
    """The tests that an op passes whatever it computes."""

    variants: ClassVar[Sequence[Parameters]]
    """The op's parameters in every combination that runs other code; the first is the usual one."""

    registered_ops: ClassVar[int] = 1
    """How many ops the dispatcher sees in a call; as many again in its backward."""

    @abstractmethod
    def small_call(self, parameters: Parameters) -> Call:
        """A call in float64 with few elements, where the op is smooth and the finite differences stay on one piece."""

    @abstractmethod
    def large_call(self, parameters: Parameters, dtype: torch.dtype) -> Call:
        """A call that is split among threads, where the op is smooth."""

    @abstractmethod
    def calls(self) -> st.SearchStrategy[Call]:
        """All calls that are allowed, with finite numbers: any sizes, types, layouts and parameters."""

    @given(st.data())
    def test_any_call_is_right(self, data: st.DataObject) -> None:
        assert_close_to_exact(data.draw(self.calls()))

    @pytest.mark.once
    @given(st.data())
    def test_any_call_gives_the_types_shapes_and_strides_that_its_fake_gives(self, data: st.DataObject) -> None:
        call = data.draw(self.calls())
        outcome = call.outcome()
        with FakeTensorMode() as mode:
            fakes = call.outcome(convert=mode.from_tensor)
        for real, fake in zip(outcome, fakes, strict=True):
            assert (real.dtype, real.shape, real.stride()) == (fake.dtype, fake.shape, fake.stride())

    def test_error_of_each_variant(self, variant: Parameters) -> None:
        assert_no_worse_than_eager(self.large_call(variant, torch.float32))

    @pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
    def test_error_of_each_type(self, dtype: torch.dtype, layout: str) -> None:
        call = self.large_call(self.variants[0], dtype)
        tensors = (laid_out(call.feature, layout), *call.tensors[1:])
        assert_no_worse_than_eager(replace(call, tensors=tensors, gradient_layout=layout))

    @pytest.mark.once
    def test_gradients(self, variant: Parameters) -> None:
        call = self.small_call(variant)
        assert torch.autograd.gradcheck(_of_leaves(call), _leaves(call))

    @pytest.mark.once
    def test_second_gradients(self, variant: Parameters) -> None:
        call = self.small_call(variant)
        assert torch.autograd.gradgradcheck(_of_leaves(call), _leaves(call), fast_mode=True)

    @pytest.mark.once
    def test_third_gradients(self) -> None:
        call = self.small_call(self.variants[0])
        assert torch.autograd.gradgradcheck(_gradients_of(call), _leaves(call), fast_mode=True)

    @pytest.mark.once
    def test_gradients_in_forward_mode(self, variant: Parameters) -> None:
        call = self.small_call(variant)
        checked = {"check_forward_ad": True, "check_backward_ad": False, "fast_mode": True}
        with pytest.warns(UserWarning, match=r"no kernels .* in forward-mode differentiation"):
            assert torch.autograd.gradcheck(_of_leaves(call), _leaves(call), **checked)

    @pytest.mark.once
    def test_tangents_of_the_gradient_are_kept(self) -> None:
        call = self.small_call(self.variants[0])
        leaves = _leaves(call)
        output, tangent = _of_leaves(call)(*leaves), torch.ones_like(call.grad_output)
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(call.grad_output, tangent)
            gradients = torch.autograd.grad(output, leaves, dual, retain_graph=True)
            found = [forward_ad.unpack_dual(gradient).tangent for gradient in gradients]
        # A gradient is linear in that of the output.
        torch.testing.assert_close(found, list(torch.autograd.grad(output, leaves, tangent)))

    @pytest.mark.once
    def test_transforms_of_functions(self) -> None:
        call = self.small_call(self.variants[0])
        leaves = _leaves(call)

        def total(*tensors: Tensor) -> Tensor:
            return (_of_leaves(call)(*tensors) * call.grad_output).sum()

        expected = torch.autograd.grad(total(*leaves), leaves)
        plain = [leaf.detach() for leaf in leaves]
        with pytest.warns(UserWarning, match=r"no kernels under torch\.func"):
            gradients = torch.func.grad(total, tuple(range(len(plain))))(*plain)
            mapped = torch.func.vmap(_of_leaves(call))(*(torch.stack((leaf, leaf)) for leaf in plain))
        torch.testing.assert_close(gradients, expected)
        torch._dynamo.reset()
        compiled = torch.compile(torch.func.grad(total, tuple(range(len(plain)))), backend="aot_eager")
        torch.testing.assert_close(compiled(*plain), expected)
        torch.testing.assert_close(mapped[1], _of_leaves(call)(*plain))

    @pytest.mark.once
    def test_registration(self) -> None:
        with dispatched_ops("ptus_kernels") as ops:
            self.small_call(self.variants[0]).outcome()
        assert len(ops) == 2 * self.registered_ops, "expected the op and its backward op to run"
        for op, arguments in ops:
            torch.library.opcheck(op, arguments)

    def test_calls_leave_no_memory_behind(self) -> None:
        call, times = self.small_call(self.variants[0]), 1000
        for number in range(2 * times):
            if number == times:
                before = allocated_bytes()
            call.outcome()
        left = (allocated_bytes() - before) / times
        assert left < 8, "bytes a call; the smallest block takes 32, and of nothing left behind 3 were counted at most"

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
    def test_bits_do_not_depend_on_the_threads(self, dtype: torch.dtype) -> None:
        call = self.large_call(self.variants[0], dtype)
        expected = call.outcome()
        for threads in (1, 2, 3, 3):
            with number_of_threads(threads):
                _assert_same_bits(call.outcome(), expected)

    def test_gradients_can_be_had_one_at_a_time(self) -> None:
        call = self.large_call(self.variants[0], torch.float32)
        _, *expected = call.outcome()
        for position, gradient in enumerate(expected):
            tensors = [None if tensor is None else tensor.detach() for tensor in call.tensors]
            leaf = [tensor for tensor in tensors if tensor is not None][position].requires_grad_()
            with dispatched_ops("ptus_kernels") as ops:
                (alone,) = torch.autograd.grad(call.op(*tensors, **call.parameters), leaf, call.grad_output)
            _assert_same_bits([alone], [gradient])
            assert sum(ops[-1][1][-2]) == 1, "a gradient was computed that nobody asked for"

    def test_inference_mode(self) -> None:
        call = self.large_call(self.variants[0], torch.float32)
        expected = call.outcome()[0]
        with torch.inference_mode():
            _assert_same_bits([call.op(*call.tensors, **call.parameters)], [expected])

    @pytest.mark.once
    @pytest.mark.unpoisoned
    def test_compiles_into_one_graph(self) -> None:
        torch._dynamo.reset()
        call = self.large_call(self.variants[0], torch.float32)
        _assert_same_bits(call.outcome(torch.compile(call.op, fullgraph=True)), call.outcome())


def _leaves(call: Call) -> list[Tensor]:
    return [tensor.detach().requires_grad_() for tensor in call.tensors if tensor is not None]


def _of_leaves(call: Call) -> Callable[..., Tensor]:
    def function(*leaves: Tensor) -> Tensor:
        following = iter(leaves)
        tensors = [None if tensor is None else next(following) for tensor in call.tensors]
        return call.op(*tensors, **call.parameters)

    return function


def _gradients_of(call: Call) -> Callable[..., tuple[Tensor, ...]]:
    """The gradients of the op's output, as a function of its tensors."""

    def gradients(*leaves: Tensor) -> tuple[Tensor, ...]:
        # Squared, so that a gradient is one of everything.
        output = _of_leaves(call)(*leaves).square().sum()
        return torch.autograd.grad(output, leaves, create_graph=True)

    return gradients


def _assert_same_bits(actual: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
