"""When the Triton ops run, and that Triton is left alone otherwise."""

import importlib.util
import subprocess
import sys

import pytest
import torch

import ptus_kernels
from ptus_kernels import backend
from tests.op_tests import ROOT

pytestmark = pytest.mark.once

INPUT, GRID = torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 1, 2)


def test_importing_and_asking_for_facts_does_not_import_triton() -> None:
    program = "import sys, torch; had = 'triton' in sys.modules; import ptus_kernels; ptus_kernels.info()"
    program += "; assert ('triton' in sys.modules) == had"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
def test_without_the_interpreter_triton_refuses_the_cpu() -> None:
    with ptus_kernels.use_backend("triton"):
        assert ptus_kernels.info()["backend"] == "triton"
        with pytest.raises(RuntimeError, match=r"grid_sample_2d: backend 'triton' .* TRITON_INTERPRET=1"):
            ptus_kernels.grid_sample_2d(INPUT, GRID)


def test_where_triton_is_not_installed_it_cannot_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "HAS_TRITON", False)
    with pytest.raises(RuntimeError, match="needs the triton package"), ptus_kernels.use_backend("triton"):
        pass
