"""Small calls of every op, forward and backward, for a tool to watch: `python -m tests.gpu.small_calls BACKEND`."""

import argparse

import torch

import ptus_kernels
from tests.on_device import on_device, without_measuring
from tests.ops.calls import Call
from tests.triton import calls


def run(call: Call, device: torch.device, tolerance: float) -> None:
    """Run a call, and see that it is right."""
    for actual, expected in zip(call.outcome(on_device(device, call.op)), call.eager_outcome(), strict=True):
        torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


def main() -> None:
    """Run all calls in the usual mode, then those with all gradients repeatably where the backend can do that."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.small_calls", description=__doc__)
    parser.add_argument("backend", choices=("cpu", "cuda", "triton"))
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    asked = parser.parse_args()
    count = 0
    with ptus_kernels.use_backend(asked.backend):
        if asked.backend == "triton":
            without_measuring()
        for dtype, tolerance in ((torch.float32, 1e-4), (torch.float16, 3e-2)):
            for call in calls.usual_calls(dtype):
                run(call, asked.device, tolerance)
                count += 1
        if asked.backend != "triton":
            torch.use_deterministic_algorithms(True)
            for call in calls.usual_calls(torch.float32):
                run(call, asked.device, 1e-4)
                count += 1
    print(f"{count} calls are right")


if __name__ == "__main__":
    main()
