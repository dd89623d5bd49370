"""Compiles every kernel for a GPU that need not be there, and prints what each needs. Run by test_compiles.py.

The launchers run as they would, on tensors of the CPU; in place of a device there is the name of a target, and in place
of a launch a line on the standard output: kernel, type, target, bytes of the stack, bytes spilled.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

import ptus_kernels
from ptus_kernels.triton import ops
from tests.triton.calls import calls_of_ones, usual_calls

CAPABILITIES = (80, 90)
TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"


class NoDevice:
    """What Triton asks a driver for before it compiles."""

    def __init__(self, capability: int) -> None:
        self.capability = capability

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self.capability, 32)

    def get_current_device(self) -> int:
        return self.capability

    def get_current_stream(self, device: int) -> int:
        return 0


def report(kernel: Any, dtype: torch.dtype, capability: int) -> None:
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        command = [str(CUOBJDUMP), "-res-usage", file.name]
        usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    stack, local = (re.search(rf"{name}:(\d+)", usage) for name in ("STACK", "LOCAL"))
    assert stack and local, usage
    print(kernel.metadata.name, str(dtype).removeprefix("torch."), f"sm_{capability}", stack[1], local[1], flush=True)


def main(capability: int) -> None:
    driver.set_active(NoDevice(capability))
    compiled: list[Any] = []
    run = JITFunction.run

    def compile_only(self: Any, *args: Any, warmup: bool, **options: Any) -> Any:
        compiled.append(run(self, *args, warmup=True, **options))

    JITFunction.run = compile_only
    ops.INTERPRETED = True  # or tensors of the CPU would be refused
    for dtype in TYPES:
        with ptus_kernels.use_backend("triton"):
            for call in usual_calls(dtype):
                compiled.clear()
                call.outcome()
                for kernel in compiled:
                    report(kernel, dtype, capability)
    if capability == max(CAPABILITIES):  # what no target makes a difference to
        with ptus_kernels.use_backend("triton"):
            for call in calls_of_ones(torch.float32):
                call.outcome()


if __name__ == "__main__":
    main(int(sys.argv[1]))
