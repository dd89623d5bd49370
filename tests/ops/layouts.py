"""How the numbers of a tensor lie in memory. Where a layout leaves gaps they hold NaN, so that reading them shows."""

import torch
from torch import Tensor

LAYOUTS = ("contiguous", "channels_last", "reversed", "rotated", "sliced", "offset", "batch_expanded", "row_expanded")


def laid_out(values: Tensor, layout: str) -> Tensor:
    """The values in another layout. The expanded ones repeat the first value along an axis instead, with stride 0."""
    axes = list(range(values.dim()))
    if layout == "contiguous":
        return values.contiguous()
    if layout == "channels_last":
        return _in_memory_order(values, [0, *axes[2:], 1])
    if layout == "reversed":
        return _in_memory_order(values, axes[::-1])
    if layout == "rotated":
        return _in_memory_order(values, [*axes[1:], 0])
    if layout == "sliced":
        around = torch.full([2 * size + 1 for size in values.shape], torch.nan, dtype=values.dtype)
        inside = around[(slice(1, None, 2),) * values.dim()]
        return inside.copy_(values)
    if layout == "offset":
        around = torch.full([values.numel() + 2], torch.nan, dtype=values.dtype)
        return around[1:-1].view(values.shape).copy_(values)
    axis = {"batch_expanded": 0, "row_expanded": values.dim() - 2}[layout]
    return values.narrow(axis, 0, min(1, values.shape[axis])).expand(values.shape)


def _in_memory_order(values: Tensor, order: list[int]) -> Tensor:
    """The same tensor with its axes laid out in this order, the first outermost."""
    back = [order.index(axis) for axis in range(values.dim())]
    return values.permute(order).contiguous().permute(back)
