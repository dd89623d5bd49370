"""Building and installing: what is said where something is missing, and what is left without compiled kernels."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITHOUT_KERNELS = {**os.environ, "PTUS_KERNELS_BUILD": "0"}


def python(*arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("module", ["torch", "pybind11"])
def test_building_without_a_module_that_it_needs_says_so(module: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import runpy, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
sys.argv = ["setup.py", "build_ext"]
runpy.run_path({str(ROOT / "setup.py")!r}, run_name="__main__")
""")
    result = python(str(program), cwd=tmp_path, env={**os.environ})
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == (
        f"ptus_kernels needs {module} to compile its kernels: install it first, "
        "or set PTUS_KERNELS_BUILD=0 to install without compiled kernels."
    )


def test_building_without_a_compiler_says_so(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "CXX"} | {"PATH": str(tmp_path)}
    result = python(str(ROOT / "setup.py"), "build_ext", cwd=tmp_path, env=env)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == (
        "ptus_kernels needs a C++17 compiler, and there is no 'c++': install one, "
        "or set PTUS_KERNELS_BUILD=0 to install without compiled kernels."
    )


def test_insisting_on_cuda_kernels_without_nvcc_says_so(tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    assert compiler is not None
    (tmp_path / "c++").symlink_to(compiler)
    env = {name: value for name, value in os.environ.items() if name not in ("CXX", "CUDA_HOME", "CUDA_PATH")}
    env |= {"PATH": str(tmp_path), "PTUS_KERNELS_CUDA": "1"}
    result = python(str(ROOT / "setup.py"), "build_ext", cwd=ROOT, env=env)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1] == (
        "PTUS_KERNELS_CUDA=1 insists on the CUDA kernels, but there is no nvcc on the PATH and no CUDA_HOME."
    )


@pytest.fixture(scope="module")
def without_kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the package is installed with PTUS_KERNELS_BUILD=0."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for folder in ("csrc", "ptus", "ptus_kernels"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for file in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / file, source)
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--target", str(target)]
    result = python("-m", "pip", "install", *options, ".", cwd=source, env=WITHOUT_KERNELS)
    assert result.returncode == 0, result.stderr
    assert not list(target.rglob("*.so"))
    return target


def test_without_compiled_kernels_plain_pytorch_runs_and_says_so_once(without_kernels: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        """
import torch
import ptus_kernels

assert ptus_kernels.__file__.startswith(ROOT)
torch.manual_seed(0)
volume, grid = torch.randn(1, 2, 3, 4, 5, requires_grad=True), 2 * torch.rand(1, 2, 3, 4, 3) - 1
for _ in range(2):
    sampled = ptus_kernels.grid_sample_3d(volume, grid)
    expected = torch.nn.functional.grid_sample(volume, grid, align_corners=False)
    torch.testing.assert_close(sampled, expected)
    gradient, = torch.autograd.grad(sampled.sum(), volume)
    torch.testing.assert_close(gradient, *torch.autograd.grad(expected.sum(), volume))
facts = ptus_kernels.info()
assert facts["backends"]["cpu"].startswith("not built") and "build" not in facts
try:
    with ptus_kernels.use_backend("cpu"):
        pass
except RuntimeError as error:
    print(error)
""".replace("ROOT", repr(str(without_kernels)))
    )
    # Without site, whose hook of an editable install would find the kernels that are compiled here.
    path = [str(without_kernels), *(entry for entry in sys.path if entry and Path(entry) != ROOT)]
    env = WITHOUT_KERNELS | {"PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "always"}
    result = python("-S", str(program), cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "use_backend: backend 'cpu' is not built; see ptus_kernels.info()\n"
    assert result.stderr.count("RuntimeWarning: ptus_kernels: the compiled kernels are not there") == 1
    assert result.stderr.count("Warning") == 1, result.stderr
