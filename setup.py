"""Builds the C++ and CUDA parts of ptus_kernels; everything else about the package is in pyproject.toml.

Environment: PTUS_KERNELS_BUILD=0 installs without compiling anything (the ops then run in plain PyTorch);
PTUS_KERNELS_SANITIZE=1 compiles the CPU kernels under AddressSanitizer and UBSan; MAX_JOBS limits parallel compilers.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import setup

# The stable ABI of torch 2.10: one build serves this version and every later one.
TORCH_TARGET_VERSION = "0x020a000000000000"

COMPILE_FLAGS = ["-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wall"]
COMPILE_FLAGS += ["-Wextra", "-Wno-psabi", "-Wno-unknown-pragmas"]
# Not optimised: that takes several times as long to compile, for tests that are quick anyhow.
SANITIZE_FLAGS = ["-O0", "-g1", "-fno-wrapv", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
SANITIZE_FLAGS += ["-fno-omit-frame-pointer"]


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
        sources=["csrc/ops.cpp", *sorted(str(path) for path in Path("csrc/cpu").glob("*.cpp"))],
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
    return [cpu, info], {"build_ext": BuildExtension.with_options(use_ninja=True, no_python_abi_suffix=False)}


if __name__ == "__main__":
    modules, commands = extensions()
    setup(ext_modules=modules, cmdclass=commands)
