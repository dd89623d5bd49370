"""Writes one number behind the end of a tensor on the GPU, which memcheck must find."""

# mypy: allow-untyped-defs, allow-untyped-decorators, allow-incomplete-defs

import torch
import triton
import triton.language as tl


@triton.jit
def write_behind(data, size):
    """Write element number `size` of as many."""
    tl.store(data + size, 1.0)


if __name__ == "__main__":
    numbers = torch.zeros(16, device="cuda")
    write_behind[(1,)](numbers, numbers.numel())
    torch.cuda.synchronize()
