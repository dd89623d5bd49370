"""README's code runs, and what it names is there."""

import re
from pathlib import Path

import pytest

import ptus_kernels

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = ("setup.py", "ptus_kernels/**/*.py", "csrc/**/*.cpp", "csrc/**/*.h", "csrc/**/*.cu*")


def python_blocks() -> list[object]:
    """Each block of Python, as a parameter named after its line."""
    return [
        pytest.param(block["code"], id=f"line {README[: block.start()].count(chr(10)) + 1}")
        for block in re.finditer(r"^```python\n(?P<code>.*?)^```$", README, re.DOTALL | re.MULTILINE)
    ]


def test_there_is_code_to_run() -> None:
    assert len(python_blocks()) >= 3


@pytest.mark.parametrize("code", python_blocks())
def test_code_runs_by_itself(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


def test_every_environment_variable_of_the_sources_is_explained() -> None:
    files = [file for pattern in SOURCES for file in ROOT.glob(pattern)]
    in_sources = {name for file in files for name in re.findall(r"PTUS_KERNELS_[A-Z_]+", file.read_text("utf-8"))}
    in_table = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert in_sources
    assert in_sources | {"MAX_JOBS", "TORCH_CUDA_ARCH_LIST"} == in_table


@pytest.mark.parametrize("path", re.findall(r"\]\(([^):]+)\)", README))
def test_every_linked_file_is_there(path: str) -> None:
    assert (ROOT / path).is_file()


def test_every_op_is_in_the_table() -> None:
    ops = {name for name in ptus_kernels.__all__ if name.islower()} - {"accelerate", "info", "patched", "use_backend"}
    assert set(re.findall(r"^\| `([a-z_0-9]+)` \| ", README, re.MULTILINE)) == ops
