"""Exported programs keep the ops, and packages of AOTInductor run them: from Python, and where there is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
import torch._inductor
from torch.utils.cpp_extension import include_paths, library_paths

import ptus_kernels
from ptus_kernels.library import HAS_CPU
from tests.export.cases import CASES, animation
from tests.op_tests import ROOT

pytestmark = [pytest.mark.once, pytest.mark.skipif(not HAS_CPU, reason="the compiled kernels are not there")]


@pytest.mark.parametrize("name", CASES)
def test_an_exported_program_keeps_the_op(name: str, tmp_path: Path) -> None:
    module, inputs = CASES[name]
    torch.export.save(torch.export.export(module, inputs), tmp_path / "op.pt2")
    program = torch.export.load(tmp_path / "op.pt2")
    ops = [str(node.target) for node in program.graph.nodes if "ptus_kernels" in str(node.target)]
    assert ops == [f"ptus_kernels.{name.partition(',')[0]}.default"]
    torch.testing.assert_close(program.module()(*inputs), module(*inputs), rtol=0, atol=0)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of a model that uses every op."""
    if shutil.which(os.environ.get("CXX", "c++")) is None:
        pytest.skip("there is no C++ compiler")
    path = tmp_path_factory.mktemp("package") / "model.pt2"
    model, inputs = animation()
    with torch.no_grad():
        torch._inductor.aoti_compile_and_package(torch.export.export(model, inputs), package_path=str(path))
    return path


def test_a_package_runs_in_python(package: Path) -> None:
    model, inputs = animation()
    with torch.no_grad():
        torch.testing.assert_close(torch._inductor.aoti_load_package(str(package))(*inputs), model(*inputs))


def test_a_package_runs_without_python(package: Path, tmp_path: Path) -> None:
    program, given, found = (tmp_path / name for name in ("run_package", "inputs.pt", "outputs.pt"))
    compile = [
        os.environ.get("CXX", "c++"),
        "-std=c++20",
        str(ROOT / "examples" / "run_package.cpp"),
        "-o",
        str(program),
    ]
    compile += [f"-I{path}" for path in include_paths("cpu")]
    for path in library_paths("cpu"):
        compile += [f"-L{path}", f"-Wl,-rpath,{path}"]
    compile += ["-Wl,--no-as-needed", "-ltorch", "-ltorch_cpu", "-lc10", "-ldl"]
    subprocess.run(compile, check=True)
    model, inputs = animation()
    torch.save([*inputs], given)
    library = next(Path(ptus_kernels.__file__).parent.glob("_cpu*.so"))
    command = [str(program), str(library), str(package), str(given), str(found)]
    # Nothing of Python's is loaded, and nothing of this process's environment is there to find it by.
    dependencies = subprocess.run(["ldd", str(program), str(library)], env={}, capture_output=True, text=True).stdout
    assert "libtorch_cpu" in dependencies and "python" not in dependencies.replace(str(Path(torch.__file__).parent), "")
    subprocess.run(command, env={"PATH": os.defpath}, check=True)
    with torch.no_grad():
        torch.testing.assert_close(torch.load(found, weights_only=True), (model(*inputs),))
    missing = subprocess.run([*command[:1], "missing.so", *command[2:]], capture_output=True, text=True)
    assert missing.returncode == 1 and "missing.so" in missing.stderr
