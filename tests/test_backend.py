"""Which implementation runs, by the tensor's device, what is built, what is forced and what was measured."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import ptus_kernels
from ptus_kernels import backend as backends
from ptus_kernels import facts, library, soft_argmax_2d, use_backend
from ptus_kernels.backend import backward_implementation, chooses_backward, chosen_backend, implementation
from ptus_kernels.measurements import Record

pytestmark = pytest.mark.once


def reference() -> None: ...


def tensor_on(device: str, dtype: torch.dtype = torch.float32) -> Tensor:
    at = torch.device(device)
    return cast(Tensor, SimpleNamespace(device=at, dtype=dtype, is_cuda=at.type == "cuda"))


def chosen(device: str, dtype: torch.dtype = torch.float32) -> Any:
    return implementation("soft_argmax_3d", reference, tensor_on(device, dtype))


def backward_on_gpu(dtype: torch.dtype = torch.float32) -> Any:
    return backward_implementation("soft_argmax_3d", tensor_on("cuda:0", dtype))


@pytest.fixture
def op() -> Any:
    return torch.ops.ptus_kernels.soft_argmax_3d.default


@pytest.mark.parametrize("device", ["cpu", "cuda", "meta"])
def test_kernels_run_where_they_are_built(device: str, op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAS_CUDA", True)
    assert chosen(device) is op
    with use_backend("reference"):
        assert chosen(device) is reference


def test_without_kernels_for_the_device_plain_pytorch_runs_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAS_CUDA", False)
    monkeypatch.setattr(backends, "HAS_TRITON", False)
    with pytest.warns(UserWarning, match="no kernels for cuda, running in plain PyTorch"):
        assert chosen("cuda") is reference


def test_triton_runs_on_the_gpu_where_cuda_kernels_are_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    monkeypatch.setattr(library, "HAS_CUDA", False)
    assert chosen("cuda") is torch.ops.ptus_kernels.soft_argmax_3d_triton.default


@pytest.mark.parametrize(("backend", "other"), [("cpu", "cuda"), ("cuda", "cpu")])
def test_a_forced_backend_runs_on_its_own_device_alone(
    backend: str, other: str, op: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "HAS_CUDA", True)
    with use_backend(backend):
        assert chosen(backend) is op
        assert chosen("meta") is op
        with pytest.raises(RuntimeError, match=f"backend '{backend}' is forced and cannot run on {other}"):
            chosen(other)


def test_blocks_that_overlap_take_back_their_own_choice() -> None:
    first, second = use_backend("cpu"), use_backend("reference")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert chosen_backend() == "reference"
    second.__exit__(None, None, None)
    assert chosen_backend() == "auto"


def test_a_forced_backend_does_not_run_under_transforms() -> None:
    logits = torch.zeros(1, 1, 2, 2)
    with use_backend("cpu"), pytest.raises(RuntimeError, match=r"'cpu' is forced and cannot run under torch\.func"):
        torch.func.jacrev(soft_argmax_2d)(logits)


def test_a_backend_that_is_not_built_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAS_CUDA", False)
    with pytest.raises(RuntimeError, match="backend 'cuda' is not built"), use_backend("cuda"):
        pass


def triton_ops() -> Any:
    """The op and its backward in Triton."""
    from ptus_kernels.triton import ops  # noqa: F401 - registers them

    found = torch.ops.ptus_kernels
    return found.soft_argmax_3d_triton.default, found.soft_argmax_3d_triton_backward.default


@pytest.fixture
def measured_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """GPU 0 has a record, in which Triton is faster forward in float32 and backward in bfloat16; GPU 1 has none."""
    pytest.importorskip("triton")
    slow, fast = {"cuda": 2.0, "triton": 1.0}, {"cuda": 1.0, "triton": 2.0}
    milliseconds = {
        "soft_argmax_3d": {
            "forward": {"float32": slow, "bfloat16": fast},
            "backward": {"float32": fast, "bfloat16": slow},
        }
    }
    record = Record("Made-up", "2.11.0", "3.6.0", "2026-11-24", milliseconds)
    monkeypatch.setattr(library, "HAS_CUDA", True)
    monkeypatch.setattr(backends, "_fastest", {"Made-up": record.fastest()})
    monkeypatch.setattr(backends, "_gpu_names", {0: "Made-up", 1: "Another"})
    yield


@pytest.mark.usefixtures("measured_gpu")
def test_the_record_of_the_gpu_decides_by_direction_and_type(op: Any) -> None:
    forward, backward = triton_ops()
    own_backward = torch.ops.ptus_kernels.soft_argmax_3d_backward.default
    assert chosen("cuda:0", torch.float32) is forward
    assert chosen("cuda:0", torch.bfloat16) is op
    assert backward_on_gpu(torch.float32) is own_backward
    assert backward_on_gpu(torch.bfloat16) is backward
    # Where nothing was measured, the default.
    assert chosen("cuda:0", torch.float16) is op
    assert chosen("cuda:1", torch.float32) is op
    assert chosen("cpu", torch.float32) is op


@pytest.mark.usefixtures("measured_gpu")
def test_what_is_there_runs_where_the_record_says_otherwise(op: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "HAS_TRITON", False)
    assert chosen("cuda:0", torch.float32) is op
    monkeypatch.setattr(backends, "HAS_TRITON", True)
    monkeypatch.setattr(library, "HAS_CUDA", False)
    assert chosen("cuda:0", torch.bfloat16) is triton_ops()[0]
    assert backward_on_gpu(torch.float32) is triton_ops()[1]


@pytest.mark.usefixtures("measured_gpu")
def test_what_is_forced_runs_whatever_was_measured(op: Any) -> None:
    with use_backend("cuda"):
        assert chosen("cuda:0", torch.float32) is op
        assert not chooses_backward(tensor_on("cuda:0"))
    with use_backend("triton"):
        assert chosen("cuda:0", torch.bfloat16) is triton_ops()[0]
        assert not chooses_backward(tensor_on("cuda:0"))
    assert chooses_backward(tensor_on("cuda:0"))
    assert not chooses_backward(tensor_on("cpu"))


@pytest.mark.usefixtures("measured_gpu")
@pytest.mark.parametrize("warn_only", [False, True])
def test_under_deterministic_algorithms_the_backward_that_can_do_it_runs(warn_only: bool) -> None:
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    try:
        assert backward_on_gpu(torch.bfloat16) is torch.ops.ptus_kernels.soft_argmax_3d_backward.default
        assert chosen("cuda:0", torch.float32) is triton_ops()[0]
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("measured_gpu")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_record_decides_inside_one_compiled_graph(dtype: torch.dtype, op: Any) -> None:
    """On tensors that pretend to be on a GPU, as torch.compile sees them too."""
    called: list[Any] = []

    def keep(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        called.extend(node.target for node in graph.graph.nodes if isinstance(node.target, torch._ops.OpOverload))
        return graph

    torch._dynamo.reset()
    with FakeTensorMode(), torch.no_grad():
        logits = torch.empty(1, 2, 3, 4, 5, dtype=dtype, device="cuda:0")
        keypoints = torch.compile(ptus_kernels.soft_argmax_3d, fullgraph=True, backend=keep)(logits)
    assert keypoints.shape == (1, 2, 3)
    assert called == [triton_ops()[0] if dtype == torch.float32 else op]


@pytest.mark.usefixtures("measured_gpu")
def test_it_is_said_what_is_chosen_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    of_gpu = facts.chosen_for(torch.device("cuda", 0))
    assert of_gpu["soft_argmax_3d"]["forward"] == (
        "bfloat16: cuda (measured on Made-up); float16, float64: cuda (the default: not measured on Made-up); "
        "float32: triton (measured on Made-up)"
    )
    assert of_gpu["warp_blend"]["backward"] == "cuda (the default: not measured on Made-up)"
    with use_backend("reference"):
        assert facts.chosen_for(torch.device("cuda", 0))["warp_blend"]["forward"] == "reference (forced)"
    monkeypatch.setattr(backends, "HAS_TRITON", False)
    assert facts.chosen_for(torch.device("cuda", 0))["warp_blend"]["forward"] == "cuda (triton is not installed)"
    monkeypatch.setattr(library, "HAS_CUDA", False)
    assert "reference (no kernels" in facts.chosen_for(torch.device("cuda", 0))["warp_blend"]["forward"]
    assert facts.chosen_for(torch.device("cpu"))["warp_blend"] == {"forward": "cpu (built)", "backward": "cpu (built)"}


def test_the_choices_for_this_machine_are_among_its_facts() -> None:
    of_this = ptus_kernels.info()["chosen"]
    assert {"compose_motion", "grid_sample_2d", "warp_blend"} <= of_this.keys()
    assert all(choices.keys() == {"forward", "backward"} for choices in of_this.values())
