"""Pictures as large as their source: what is seen of it is taken from the source itself, at its own size."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ptus.model.face_flow import FaceFlow
from ptus.model.layers import identity_grid
from ptus.model.source_edges import WHOLE_PICTURE, Sides, within_reach
from ptus_kernels import grid_sample_2d, warp_blend


@torch.compiler.disable  # type: ignore[untyped-decorator]  # otherwise all is compiled anew for each size of a source
def enlarged(
    source: Tensor, flow: Tensor, shown: Tensor, drawn: Tensor, face_flow: FaceFlow, goes_on: Sides = WHOLE_PICTURE
) -> Tensor:
    """o · source(flow) + (1 - o) · drawn, with flow, share and what is drawn enlarged: they have no fine details.

    Eyes and mouth do, and are laid on as finely as they are known. For a source of the model's own size that is the
    picture of the decoder.

    Args:
        source: the source, (B, 3, H, H), RGB in [0, 1], float32.
        flow: where points are seen in the source, (B, S, S, 2).
        shown: logits of the source's share o, (B, 1, S, S).
        drawn: (B, 3, S, S), RGB in [0, 1].
        face_flow: what moves within the face.
        goes_on: the sides at which the sources go on in the pictures they are put back into.

    Returns:
        Pictures (B, 3, H, H), RGB in [0, 1], float32.
    """
    side, size = flow.shape[1], source.shape[2:]
    # The middles of outer pixels are end points of the flow; in a larger picture they lie farther from the edges.
    smaller = (size[0] - 1) / size[0]
    end = smaller * side / (side - 1)
    fine, fine_there = face_flow.fine((side, side)), face_flow.fine(size, end)
    offset = within_reach(flow if fine is None else flow - fine, goes_on) - identity_grid((side, side), flow)
    places = identity_grid(size, flow) + rearrange(
        _of_size(rearrange(offset / end, "b h w n -> b n h w"), size), "b n h w -> b h w n"
    )
    if fine_there is not None:
        places = places.add(fine_there, alpha=1 / end)
    pictures = warp_blend(
        source,
        smaller * places,
        shown,
        _of_size(drawn, size),
        sigmoid=True,
        padding_mode="reflection",
        align_corners=False,
    )

    def look(at: Tensor) -> Tensor:
        return grid_sample_2d(source, smaller * at, padding_mode="reflection", align_corners=False)

    return face_flow.finish(pictures, places, _of_size(shown, size).sigmoid(), look, end)


def _of_size(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)
