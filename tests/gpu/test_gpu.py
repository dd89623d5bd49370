"""What only a GPU can show: streams, devices, CUDA graphs, repeatability. The ops' own tests run there by --device."""

import pytest
import torch

from tests.gpu.leaves import assert_right, on, outcome
from tests.ops.calls import Call
from tests.triton import calls

pytestmark = [pytest.mark.once, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")]

CALLS = list(calls.usual_calls(torch.float32))
HAS_ORDER = ("cuda",)  # backends whose every backward is repeatable


@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_on_another_stream(call: Call, backend: str) -> None:
    leaves, grad_output = on(call, torch.device("cuda"))
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(20_000_000)  # what ran on the default stream would be done long before
        for leaf in leaves:
            if leaf is not None:
                leaf.detach().mul_(2)
        found = outcome(call, leaves, grad_output)
        for leaf in leaves:
            if leaf is not None:
                leaf.detach().div_(2)
        again = outcome(call, leaves, grad_output)
    stream.synchronize()
    assert not torch.equal(found[0], again[0])
    assert_right(call, again)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is no second GPU")
@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_on_another_device(call: Call, backend: str) -> None:
    device = torch.device("cuda", 1)
    found = outcome(call, *on(call, device))
    assert all(tensor.device == device for tensor in found)
    assert_right(call, found)


@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_in_a_graph(call: Call, backend: str) -> None:
    leaves, grad_output = on(call, torch.device("cuda"))
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        outcome(call, leaves, grad_output)  # compiles and measures what is compiled and measured once
    torch.cuda.current_stream().wait_stream(stream)
    values = [None if leaf is None else leaf.detach().clone() for leaf in leaves]
    for leaf in leaves:
        if leaf is not None:
            leaf.detach().zero_()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = outcome(call, leaves, grad_output)
    for leaf, value in zip(leaves, values, strict=True):
        if leaf is not None and value is not None:
            leaf.detach().copy_(value)
    for _ in range(2):
        graph.replay()
        torch.cuda.synchronize()
        assert_right(call, captured)


@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_backward_is_repeatable_if_that_is_asked_for(call: Call, backend: str) -> None:
    if backend not in HAS_ORDER:
        pytest.skip(f"{backend} adds in no fixed order, and says so where it matters")
    leaves, grad_output = on(call, torch.device("cuda"))
    torch.use_deterministic_algorithms(True)
    try:
        first = outcome(call, leaves, grad_output)
        for _ in range(5):
            for one, other in zip(outcome(call, leaves, grad_output), first, strict=True):
                torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    finally:
        torch.use_deterministic_algorithms(False)
