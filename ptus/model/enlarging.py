"""Pictures as large as their source: what is seen of it is taken from the source itself, at its own size."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ptus.model.face_flow import FaceFlow
from ptus.model.layers import identity_grid
from ptus_kernels import warp_blend


@torch.compiler.disable  # type: ignore[untyped-decorator]  # otherwise all is compiled anew for each size of a source
def enlarged(source: Tensor, flow: Tensor, shown: Tensor, drawn: Tensor, face_flow: FaceFlow) -> Tensor:
    """o · source(flow) + (1 - o) · drawn, with flow, share and what is drawn enlarged: they have no fine details.

    Eyes and mouth do, and are laid on as finely as they are known. For a source of the model's own size that is the
    picture of the decoder.

    Args:
        source: the source, (B, 3, H, H), RGB in [0, 1], float32.
        flow: where points are seen in the source, (B, S, S, 2).
        shown: logits of the source's share o, (B, 1, S, S).
        drawn: (B, 3, S, S), RGB in [0, 1].
        face_flow: what moves within the face.

    Returns:
        Pictures (B, 3, H, H), RGB in [0, 1], float32.
    """
    side, size = flow.shape[1], source.shape[2:]
    # The middles of outer pixels are end points of the flow; in a larger picture they lie farther from the edges.
    smaller = (side - 1) / side
    end = (size[0] - 1) / size[0] / smaller
    fine, fine_there = face_flow.fine((side, side)), face_flow.fine(size, end)
    offset = flow - identity_grid((side, side), flow)
    if fine is not None:
        offset = offset - fine
    seen_at = rearrange(_of_size(rearrange(offset, "b h w n -> b n h w"), size), "b n h w -> b h w n")
    if fine_there is not None:
        seen_at = seen_at + fine_there
    seen_at = identity_grid(size, flow) * ((size[0] - 1) / size[0]) + smaller * seen_at
    pictures = warp_blend(
        source, seen_at, shown, _of_size(drawn, size), sigmoid=True, padding_mode="border", align_corners=False
    )
    return pictures if face_flow.mouth is None else face_flow.mouth.paint(pictures, end)


def _of_size(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)
