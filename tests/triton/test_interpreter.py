"""The Triton ops give what plain PyTorch gives, in Triton's interpreter: on the CPU, and slow."""

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


def test_in_the_interpreter() -> None:
    command = [sys.executable, "-m", "pytest", "tests/triton/interpreted.py", "-p", "no:cacheprovider", "--durations=5"]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    result = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert result.returncode == 0, result.stdout
