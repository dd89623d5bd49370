"""Every kernel on the GPU, with sums in no fixed order: the ops' own tests, which poison memory, ask for one."""

import pytest
import torch

from tests.on_device import on_device
from tests.ops.calls import Call
from tests.ops.precision import assert_close_to_exact
from tests.triton import calls

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.usefixtures("unmeasured"),
]

TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def on_gpu(call: Call) -> Call:
    """The same call, whose tensors go to the GPU and come back."""
    return Call(
        on_device(torch.device("cuda"), call.op), call.eager, call.tensors, call.parameters, call.gradient_layout
    )


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_every_type(dtype: torch.dtype, backend: str) -> None:
    for call in calls.usual_calls(dtype):
        assert_close_to_exact(on_gpu(call))


@pytest.mark.parametrize("call", list(calls.all_calls(torch.float32)), ids=repr)
def test_every_call(call: Call, backend: str) -> None:
    assert_close_to_exact(on_gpu(call))


@pytest.mark.parametrize("call", list(calls.calls_of_ones(torch.float32)), ids=repr)
def test_sizes_of_one(call: Call, backend: str) -> None:
    assert_close_to_exact(on_gpu(call))
