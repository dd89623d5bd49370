"""How many threads the ops use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def number_of_threads(count: int) -> Iterator[None]:
    """Let PyTorch use this many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
