"""Which implementation runs, by the tensor's device, what is built and what is forced."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from ptus_kernels import backend as backends
from ptus_kernels import library, use_backend
from ptus_kernels.backend import implementation

pytestmark = pytest.mark.once


def reference() -> None: ...


def chosen(device: str) -> Any:
    return implementation("soft_argmax_3d", reference, cast(Tensor, SimpleNamespace(device=torch.device(device))))


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


def test_a_backend_that_is_not_built_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAS_CUDA", False)
    with pytest.raises(RuntimeError, match="backend 'cuda' is not built"), use_backend("cuda"):
        pass
