"""Every Triton kernel compiles for GPUs that need not be there, in every type, and keeps what it holds in registers."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.op_tests import ROOT

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed"),
]

KERNELS = {
    "warp_kernel",
    "warp_backward_kernel",
    "blend_kernel",
    "blend_backward_kernel",
    "features_kernel",
    "features_backward_kernel",
    "translated_features_backward_kernel",
    "compose_kernel",
    "compose_backward_kernel",
    "sum_kernel",
    "expectation_kernel",
    "gradient_kernel",
    "spade_kernel",
    "spade_moments_kernel",
    "spade_statistics_kernel",
    "spade_gradient_kernel",
    "spade_means_kernel",
    "spade_input_gradient_kernel",
    "spline_kernel",
    "spline_backward_kernel",
}


def test_every_kernel_compiles_without_spilling() -> None:
    # Whether kernels are interpreted is decided when they are defined: hence a process without the variable, one for
    # each target.
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "tests.triton.compile_all"]
    processes = [
        subprocess.Popen(
            [*command, capability], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for capability in ("80", "90")
    ]
    found = set()
    for process in processes:
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        for line in output.splitlines():
            kernel, dtype, target, stack, local = line.split()
            # float64 is there to check gradients, not to be fast; a word or two are nothing.
            assert dtype == "float64" or int(stack) + int(local) <= 16, f"{kernel} spills: {line}"
            found.add((kernel, dtype, target))
    types = ("float32", "float16", "bfloat16", "float64")
    assert found == {(kernel, dtype, target) for kernel in KERNELS for dtype in types for target in ("sm_80", "sm_90")}
