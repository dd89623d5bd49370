"""Runs the tests of the ops again in a process of its own, under other conditions."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_op_tests(*options: str, **environment: str) -> str:
    """Run what is worth repeating of tests/ops, with these options of pytest and environment variables.

    Returns what pytest printed.

    Raises:
        AssertionError: with what it printed, where a test failed.
    """
    command = [sys.executable, "-m", "pytest", "tests/ops", "-m", "not once", "-x", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "--hypothesis-profile=brief", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, f"exit status {result.returncode}:\n{result.stdout}"
    return result.stdout
