"""Pictures as large as their source: what is seen of it is taken from the source itself, at its own size."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ptus.model.layers import identity_grid
from ptus_kernels import warp_blend


@torch.compiler.disable  # type: ignore[untyped-decorator]  # otherwise all is compiled anew for each size of a source
def enlarged(source: Tensor, flow: Tensor, shown: Tensor, drawn: Tensor) -> Tensor:
    """o · source(flow) + (1 - o) · drawn, with flow, share and what is drawn enlarged: they have no fine details.

    For a source of the model's own size that is the picture of the decoder.

    Args:
        source: the source, (B, 3, H, H), RGB in [0, 1], float32.
        flow: where points are seen in the source, (B, S, S, 2).
        shown: logits of the source's share o, (B, 1, S, S).
        drawn: (B, 3, S, S), RGB in [0, 1].

    Returns:
        Pictures (B, 3, H, H), RGB in [0, 1], float32.
    """
    side, size = flow.shape[1], source.shape[2:]
    offset = rearrange(flow - identity_grid((side, side), flow), "b h w n -> b n h w")
    # The middles of outer pixels are end points of the flow; in a larger picture they lie farther from the edges.
    offset = _of_size(offset * ((side - 1) / side), size)
    seen_at = _middles(size, flow) + rearrange(offset, "b n h w -> b h w n")
    return warp_blend(
        source, seen_at, shown, _of_size(drawn, size), sigmoid=True, padding_mode="border", align_corners=False
    )


def _of_size(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)


def _middles(size: Sequence[int], like: Tensor) -> Tensor:
    """Coordinates (x, y) of the middles of a square picture's pixels, its edges at -1 and 1: (H, H, 2)."""
    return identity_grid(size, like) * ((size[0] - 1) / size[0])
