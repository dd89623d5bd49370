"""Memory that is freed is kept for what comes next."""

import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import resource, sys, threading, torch
from ptus.memory import keep_freed_memory
if not keep_freed_memory():
    sys.exit("not kept")
def run():
    kept = []
    for size in (1, 4, 16, 16, 4, 64, 1, 8, 16, 2):  # MiB
        kept = [*kept[-2:], torch.ones(size << 18)]
def count():
    for _ in range(10):
        run()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        run()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
%s
"""


def page_faults(call: str) -> int:
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", COUNT % call], cwd=root, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
@pytest.mark.parametrize(
    "call", ["count()", "thread = threading.Thread(target=count); thread.start(); thread.join()"], ids=["main", "other"]
)
def test_large_tensors_are_made_of_the_pages_of_those_before(call: str) -> None:
    """Without that it takes some 80,000 faults, of 4 KiB each, in most processes. A single block may still find no
    place among those that were freed.
    """
    assert page_faults(call) < 20_000
