"""The memory-format rule: an output keeps its input's format. The C++ twin is in csrc/host/tensor_view.cpp."""

from collections.abc import Sequence

import torch
from torch import Tensor


def is_channels_last(tensor: Tensor) -> bool:
    """Whether the channels (dimension 1) of a feature lie side by side; where both formats fit, contiguous wins."""
    return not tensor.is_contiguous() and tensor.size(1) > 1 and tensor.stride(1) == 1


def empty_in_format_of(like: Tensor, size: Sequence[int]) -> Tensor:
    """An uninitialised feature of this size, with the type, device and memory format of `like`."""
    memory_format = torch.contiguous_format
    if is_channels_last(like):
        memory_format = torch.channels_last if len(size) == 4 else torch.channels_last_3d
    return torch.empty(size, dtype=like.dtype, device=like.device, memory_format=memory_format)
