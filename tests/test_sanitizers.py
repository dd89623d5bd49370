"""The kernels under AddressSanitizer and UBSan, which stop at a wrong access or undefined behaviour in them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.op_tests import ROOT, run_op_tests

BUILD = Path("build", "sanitized")


def runtime_library(name: str) -> str:
    """Where the compiler keeps a library that must be in the process before Python is."""
    compiler = os.environ.get("CXX", "c++").split()
    path = subprocess.run([*compiler, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
    if not Path(path).is_absolute():
        pytest.skip(f"the compiler has no {name}")
    return path


def test_ops_under_sanitizers() -> None:
    preloaded = [runtime_library("libasan.so"), runtime_library("libstdc++.so")]
    library = str(BUILD / "library")
    # A build of its own beside the usual one; what did not change is not compiled again.
    commands = ["build_py", "--build-lib", library]
    commands += ["build_ext", "--build-lib", library, "--build-temp", str(BUILD / "objects")]
    result = subprocess.run(
        [sys.executable, "setup.py", "--quiet", *commands],
        cwd=ROOT,
        env={**os.environ, "PTUS_KERNELS_SANITIZE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    printed = run_op_tests(
        "--capture=sys",  # what a sanitizer prints before it ends the process is not to be lost
        f"--override-ini=pythonpath={library}",
        LD_PRELOAD=" ".join(preloaded),
        # Python keeps memory to its end. All that malloc gives is filled with NaN.
        ASAN_OPTIONS="detect_leaks=0:max_malloc_fill_size=1099511627776:malloc_fill_byte=255",
        UBSAN_OPTIONS="print_stacktrace=1",
    )
    assert ", sanitized, " in printed, f"other kernels ran:\n{printed}"
