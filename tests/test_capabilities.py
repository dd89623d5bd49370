"""The ops compute the same with the vector instructions of every processor, not only of this one."""

import os
import subprocess
import sys

import pytest

import ptus_kernels
from tests.op_tests import run_op_tests

PROGRAM = "import torch, ptus_kernels; print(torch.ops.ptus_kernels.cpu_capability())"


def chosen(capability: str) -> subprocess.CompletedProcess[str]:
    """Ask a new process which capability it uses when this one is asked for."""
    env = {**os.environ, "PTUS_KERNELS_CPU_CAPABILITY": capability}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("capability", ["default", "avx2", "avx512"])
def test_ops_with(capability: str) -> None:
    facts = ptus_kernels.info()
    if capability not in facts["build"]["cpu_capabilities"]:
        pytest.skip(f"not compiled for {capability}")
    if capability == facts["cpu_capability"]:
        pytest.skip(f"{capability} is what all other tests run with")
    result = chosen(capability)
    if "this processor, or this build, has no more than" in result.stderr:
        pytest.skip(f"this processor has no {capability}")
    assert result.stdout == f"{capability}\n", result.stderr
    # Memory that malloc gives is filled, so that reading scratch memory before writing it shows.
    run_op_tests(PTUS_KERNELS_CPU_CAPABILITY=capability, GLIBC_TUNABLES="glibc.malloc.perturb=128")


def test_an_unknown_capability_is_an_error() -> None:
    result = chosen("sse9")
    assert result.returncode != 0
    assert "PTUS_KERNELS_CPU_CAPABILITY: expected default, avx2 or avx512, got sse9" in result.stderr
