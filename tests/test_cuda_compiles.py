"""Every CUDA kernel compiles, without a GPU, and keeps its numbers in registers: none spills, none has a stack."""

import re
import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from torch.utils.cpp_extension import COMMON_NVCC_FLAGS, include_paths

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "csrc" / "cuda").glob("*.cu"))
KERNEL = re.compile(
    r"Compiling entry function '(?P<name>\w+)' for '(?P<architecture>sm_\d+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads",
    re.DOTALL,
)


def compile_source(source: Path, folder: Path) -> str:
    """Compile for both architectures, and return what ptxas says about the kernels."""
    # The host's part need not be fast; that of the GPU is optimised all the same.
    command = ["nvcc", "-c", str(source), "-o", str(folder / f"{source.stem}.o"), "-std=c++17", "-O0"]
    command += ["-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90,code=sm_90", "-Xptxas=-v"]
    command += [f"-I{path}" for path in (ROOT / "csrc", *include_paths("cpu"))]
    command += ["-DUSE_CUDA", "-DTORCH_TARGET_VERSION=0x020a000000000000", "-Xcompiler=-fPIC", *COMMON_NVCC_FLAGS]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stderr


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, "Future[str]"]:
    """What ptxas says, of all sources, which are compiled two at a time."""
    if shutil.which("nvcc") is None:
        pytest.skip("there is no nvcc on the PATH")
    folder = tmp_path_factory.mktemp("objects")
    pool = ThreadPoolExecutor(2)
    by_size = sorted(SOURCES, key=lambda source: -source.stat().st_size)
    futures = {source: pool.submit(compile_source, source, folder) for source in by_size}
    pool.shutdown(wait=False)
    return futures


@pytest.mark.once
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_kernel_spills(source: Path, reports: dict[Path, "Future[str]"]) -> None:
    report = reports[source].result()
    kernels = list(KERNEL.finditer(report))
    assert len(kernels) == report.count("Compiling entry function")
    in_memory = [
        f"{kernel['architecture']} {kernel['name']}: {kernel['stack']} bytes of stack"
        for kernel in kernels
        if any(int(kernel[number]) for number in ("stack", "stores", "loads"))
    ]
    assert not in_memory, "\n".join(in_memory)
