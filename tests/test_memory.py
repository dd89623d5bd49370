"""Memory that is freed is kept for what comes next."""

import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import resource, sys, torch
from ptus.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("not kept")
def run():
    return [torch.ones(size << 18) for size in (12, 20, 16, 24, 28)]  # as many MiB
for _ in range(3):
    run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> int:
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", COUNT, how], cwd=root, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_large_tensors_are_made_of_the_pages_of_those_before() -> None:
    assert 4 * page_faults("keep") < page_faults("as ever")
