"""What runs on a GPU where nothing is forced: by a record, in one compiled graph, and repeatably."""

from itertools import product

import pytest
import torch
from torch import Tensor

from ptus_kernels import backend as backends
from ptus_kernels import library
from tests.gpu.leaves import assert_right, on, outcome
from tests.ops.calls import Call
from tests.ops.dispatched import dispatched_ops
from tests.triton import calls

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.usefixtures("unmeasured"),
]

CALLS = list(calls.usual_calls(torch.float32))
SUFFIX = {"cuda": "", "triton": "_triton"}


def record(monkeypatch: pytest.MonkeyPatch, call: Call, forward: str, backward: str) -> None:
    """Let it have been measured on this GPU that these backends are the fastest."""
    if not (library.HAS_CUDA and backends.HAS_TRITON):
        pytest.skip("there is but one backend")
    fastest = {
        (call.op.__name__, direction, torch.float32): backend
        for direction, backend in (("forward", forward), ("backward", backward))
    }
    monkeypatch.setattr(backends, "_fastest", {torch.cuda.get_device_name(): fastest})
    monkeypatch.setattr(backends, "_gpu_names", {})


def ran(call: Call, device: torch.device) -> tuple[list[str], list[Tensor]]:
    """What of the op's name the ops that ran have behind it, and the outcome."""
    with dispatched_ops("ptus_kernels") as ops:
        found = outcome(call, *on(call, device))
    return [op._schema.name.removeprefix(f"ptus_kernels::{call.op.__name__}") for op, _ in ops], found


@pytest.mark.parametrize("call", CALLS, ids=repr)
@pytest.mark.parametrize(("forward", "backward"), list(product(SUFFIX, SUFFIX)))
def test_either_backend_runs_in_either_direction(
    call: Call, forward: str, backward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(monkeypatch, call, forward, backward)
    names, found = ran(call, torch.device("cuda"))
    assert names == [SUFFIX[forward], f"{SUFFIX[backward]}_backward"]
    assert_right(call, found)


@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_a_repeatable_backward_is_there_whatever_was_measured(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    record(monkeypatch, call, "triton", "triton")
    torch.use_deterministic_algorithms(True)
    try:
        names, found = ran(call, torch.device("cuda"))
        _, again = ran(call, torch.device("cuda"))
    finally:
        torch.use_deterministic_algorithms(False)
    assert names == ["_triton", "_backward"]
    assert_right(call, found)
    for one, other in zip(found, again, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("call", CALLS, ids=repr)
@pytest.mark.parametrize(("forward", "backward"), [("cuda", "triton"), ("triton", "cuda")])
def test_the_record_holds_in_one_compiled_graph(
    call: Call, forward: str, backward: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(monkeypatch, call, forward, backward)
    torch._dynamo.reset()
    compiled = torch.compile(call.op, fullgraph=True, backend="aot_eager")
    assert_right(call, outcome(call, *on(call, torch.device("cuda")), compiled))


@pytest.mark.parametrize("call", CALLS, ids=repr)
def test_what_is_forced_compiles_into_one_graph(call: Call, backend: str) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(call.op, fullgraph=True, backend="aot_eager")
    assert_right(call, outcome(call, *on(call, torch.device("cuda")), compiled))


def test_the_usual_compiler_takes_it_too(backend: str) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(CALLS[1].op, fullgraph=True)
    assert_right(CALLS[1], outcome(CALLS[1], *on(CALLS[1], torch.device("cuda")), compiled))
