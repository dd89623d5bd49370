"""Builds the C++ and CUDA parts of ptus_kernels; everything else about the package is in pyproject.toml.

Environment: PTUS_KERNELS_BUILD=0 installs without compiling anything (the ops then run in plain PyTorch);
PTUS_KERNELS_SANITIZE=1 compiles the CPU kernels under AddressSanitizer and UBSan; PTUS_KERNELS_CUDA=0|1 leaves out the
CUDA kernels or insists on them, TORCH_CUDA_ARCH_LIST says for which GPUs; MAX_JOBS limits parallel compilers.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup

# The stable ABI of torch 2.10: one build serves this version and every later one.
TORCH_TARGET_VERSION = "0x020a000000000000"

COMPILE_FLAGS = ["-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wall"]
# Python's own flags ask for what a debugger reads: a fourth of the time, and nine tenths of the library.
COMPILE_FLAGS += ["-g0"]
# PyTorch's headers have unused parameters, which would fill the screen.
COMPILE_FLAGS += ["-Wextra", "-Wno-psabi", "-Wno-unknown-pragmas", "-Wno-unused-parameter"]
# Not optimised: that takes several times as long to compile, for tests that are quick anyhow. For the processor at hand
# alone, whose instructions make of wide vectors less code.
SANITIZE_FLAGS = ["-O0", "-march=native", "-g1", "-fno-wrapv", "-fno-omit-frame-pointer"]
SANITIZE_FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
# What the CPU library and the CUDA library share: tensors and their checks, no kernels.
HOST_SOURCES = sorted(str(path) for path in Path("csrc/host").glob("*.cpp"))
# With PyTorch's CUDA; without it the kernels can be compiled but not loaded, and two will do.
ARCHITECTURES = ["7.5", "8.0", "8.6", "9.0", "10.0"]
ARCHITECTURES_WITHOUT_CUDA = ["8.0", "9.0"]


def cuda_home() -> Path | None:
    """The folder of the CUDA toolkit, or None. The nvcc on the PATH may be a wrapper elsewhere, hence it is asked."""
    folders = [str(Path(os.environ[name], "bin")) for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    nvcc = shutil.which("nvcc", path=os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]))
    if nvcc is None:
        return None
    steps = subprocess.run([nvcc, "--dryrun", "-c", "-x", "cu", os.devnull], capture_output=True, text=True).stderr
    tops = [line.removeprefix("#$ TOP=") for line in steps.splitlines() if line.startswith("#$ TOP=")]
    return Path(tops[0]).resolve() if tops else None


def architectures(home: Path, wanted: list[str]) -> str:
    """Those of the wanted GPU generations that the toolkit knows, with code from which later ones can be made."""
    command = [str(home / "bin" / "nvcc"), "--list-gpu-arch"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return ";".join(name for name in wanted if f"compute_{name.replace('.', '')}" in known) + "+PTX"


def mismatch(home: Path) -> str:
    """How the toolkit and PyTorch differ, if they are not of the same CUDA."""
    import torch

    command = [str(home / "bin" / "nvcc"), "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("release ")[2]
    of_torch = torch.version.cuda
    if of_torch is None or version.partition(".")[0] == of_torch.partition(".")[0]:
        return ""
    return f"nvcc is of CUDA {version.partition(',')[0]} and PyTorch of CUDA {of_torch}"


def cuda_extensions(flags: list[str], macros: list, include: str) -> list:
    """The library of CUDA kernels, if it is to be built."""
    import torch
    from torch.utils import cpp_extension

    choice = os.environ.get("PTUS_KERNELS_CUDA", "")
    if choice == "0" or (choice != "1" and torch.version.cuda is None):
        return []
    home = cuda_home()
    obstacle = "there is no nvcc on the PATH and no CUDA_HOME" if home is None else mismatch(home)
    if obstacle and choice == "1":
        sys.exit(f"PTUS_KERNELS_CUDA=1 insists on the CUDA kernels, but {obstacle}.")
    if obstacle:
        print(f"ptus_kernels is built without CUDA kernels: {obstacle}", file=sys.stderr)
        return []
    cpp_extension.CUDA_HOME = str(home)  # torch finds it by itself only where it has CUDA
    wanted = ARCHITECTURES if torch.version.cuda else ARCHITECTURES_WITHOUT_CUDA
    os.environ.setdefault("TORCH_CUDA_ARCH_LIST", architectures(home, wanted))
    extension = cpp_extension.CUDAExtension if torch.version.cuda else cpp_extension.CppExtension
    return [
        extension(
            "ptus_kernels._cuda",
            sources=[*HOST_SOURCES, *sorted(str(path) for path in Path("csrc/cuda").glob("*.cu"))],
            include_dirs=[include, str(home / "include")],
            define_macros=macros,
            extra_compile_args={"cxx": flags, "nvcc": ["-O3", "-DUSE_CUDA", "-Xcompiler", "-fvisibility=hidden"]},
            py_limited_api=True,
        )
    ]


def extensions() -> tuple[list, dict]:
    """The extension modules to build, and the command class that builds them."""
    if os.environ.get("PTUS_KERNELS_BUILD", "1") == "0":
        return [], {}
    advice = "or set PTUS_KERNELS_BUILD=0 to install without compiled kernels"
    try:
        import pybind11
        from torch.utils.cpp_extension import BuildExtension, CppExtension
    except ImportError as error:
        sys.exit(f"ptus_kernels needs {error.name} to compile its kernels: install it first, {advice}.")
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler) is None:
        sys.exit(f"ptus_kernels needs a C++17 compiler, and there is no {compiler!r}: install one, {advice}.")

    sanitize_flags = SANITIZE_FLAGS if os.environ.get("PTUS_KERNELS_SANITIZE", "0") == "1" else []
    flags = COMPILE_FLAGS + sanitize_flags
    macros = [("TORCH_TARGET_VERSION", TORCH_TARGET_VERSION)]
    include = str(Path(__file__).resolve().parent / "csrc")
    cpu = CppExtension(
        "ptus_kernels._cpu",
        sources=["csrc/ops.cpp", *HOST_SOURCES, *sorted(str(path) for path in Path("csrc/cpu").glob("*.cpp"))],
        include_dirs=[include],
        define_macros=macros,
        extra_compile_args={"cxx": flags},
        extra_link_args=sanitize_flags,
        py_limited_api=True,
    )
    info = CppExtension(
        "ptus_kernels._info",
        sources=["csrc/info.cpp"],
        include_dirs=[include, pybind11.get_include()],
        define_macros=[("PTUS_COMPILE_FLAGS", '"' + " ".join(flags) + '"'), *macros[:1]],
        extra_compile_args={"cxx": ["-O1", "-fvisibility=hidden", *sanitize_flags]},
        extra_link_args=sanitize_flags,
    )
    cuda = cuda_extensions(COMPILE_FLAGS, macros, include)

    class Build(BuildExtension.with_options(use_ninja=True, no_python_abi_suffix=False)):
        """Keeps the objects of libraries that share sources apart: each is compiled with flags of its own."""

        def build_extension(self, ext) -> None:
            common = self.build_temp
            if ext in cuda:
                self.build_temp = str(Path(common) / "cuda")
            super().build_extension(ext)
            self.build_temp = common

    return [cpu, info, *cuda], {"build_ext": Build}


if __name__ == "__main__":
    modules, commands = extensions()
    setup(ext_modules=modules, cmdclass=commands)
