"""What is likely before anything is learned: a motion holds near its keypoint, and a head is an ellipsoid.

The networks behind a deformation add to this, so that an untrained model already moves what it is told to move.
"""

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import softplus

from ptus.model import standing
from ptus.model.composition import Motions
from ptus.model.hair import LONG, Hair
from ptus.model.head_frame import HALF_DEPTH, HeadFrame, along_the_head
from ptus.model.layers import lines
from ptus.model.motion import Motion, lids_and_lips
from ptus.model.rotation import downwards

BODY_REACH = 0.2  # how far a keypoint of the body takes its surroundings along, σ, of the frame's half side
FACE_REACH = 0.12  # the same of the face, of the head's half size
LID_REACH = 0.07  # the same of lids and lips, above and below: a brow stays where it is when the eye below it closes
LID = 0.008  # how far above and below the line of closed lids or lips each takes its surroundings along, likewise
BACKGROUND = -4.0  # logit of what does not move, where a keypoint's own is 0
EXPRESSION_REACH = 0.12  # σ of what the decoder is told of lids and lips, of the head's half size
EXPRESSION_STEP = 0.2  # how far they move, of the head's half size, about
EXPRESSION_MAPS = 3  # of each keypoint: whether it is near, and where it comes from, along x and y
AROUND = 0.25  # how much farther than hair the surroundings reach that go with it, to both sides and above
BELOW = 1.35  # how much farther than the head below: past the base of the neck, where little is left of their share
CHEEKS = 0.45  # how far down the place it has left, from its middle: below that a neck follows the driven head
SURFACE = 0.15  # σ of the surface's depth, of the volume's half depth


def nearness(keypoints: Tensor, reach: float | Tensor, size: Sequence[int]) -> Tensor:
    """Logits -‖g - kp‖² / 2σ² in the picture's plane, the same at every depth.

    Args:
        keypoints: (B, K, 2 or 3), of which x and y are read.
        reach: σ, a number or (B, 1, 1, 1).
        size: (d, h, w).

    Returns:
        (B, K, d, h, w).
    """
    across, down = (
        (line - at.unsqueeze(-1)).square()
        for line, at in zip(lines(size[1:], keypoints), keypoints[..., :2].unbind(-1), strict=True)
    )
    logits = (down.unsqueeze(-1) + across.unsqueeze(-2)) / (-2 * reach**2)
    return logits.unsqueeze(2).expand(-1, -1, size[0], -1, -1)


def face_nearness(face: Tensor, motion: Motion, size: Sequence[int]) -> Tensor:
    """Logits of the face's keypoints (B, K, 3), likewise: (B, K, d, h, w).

    Upper and lower lids, and lips, share what is about their middle: what lies above it moves with the upper one, what
    lies below with the lower one. By distance alone, those of a closed eye would take the same points along, and the
    eye would move as a whole instead of closing.
    """
    logits = nearness(face, FACE_REACH * motion.scale[:, :, None, None], (1, *size[1:])).squeeze(2)
    rims = lids_and_lips(face)[..., :2]
    if rims.shape[1]:
        down, scale = downwards(motion.rotation)[:, None, None], motion.scale[..., None, None]
        across, along = along_the_head(motion, rims.mean(dim=2), size[1:])
        half = (rims.diff(dim=2) * down).sum(dim=3, keepdim=True).abs() / 2
        beyond = (along.abs() - half).clamp(min=0)
        near = ((across / FACE_REACH).square() + (beyond / LID_REACH).square()) / (-2 * scale**2)
        steep = 2 * along / (half + LID * scale)
        # The logarithm of a sigmoid, which ONNX has no node for; that of its opposite is as much more as it is steep.
        upper = near - softplus(steep)
        parted = list(logits.unbind(dim=1))
        for pair, *moved in zip(standing.OPENINGS, upper.unbind(dim=1), (upper + steep).unbind(dim=1), strict=False):
            for number, logit in zip(pair, moved, strict=True):
                parted[number] = logit
        logits = torch.stack(parted, dim=1)
    return logits.unsqueeze(2).expand(-1, -1, size[0], -1, -1)


def expression_maps(local: Motions, driven: Motion, size: Sequence[int]) -> Tensor:
    """What the expression adds about the face's keypoints, for networks to read.

    Args:
        local: what it adds at each of K keypoints.
        driven: the motion it is of.
        size: (h, w).

    Returns:
        (B, 3 K, h, w): of each keypoint exp(-‖g - kp‖² / 2σ²), and that times x and y of what is added.
    """
    reach = EXPRESSION_REACH * driven.scale.unsqueeze(1)
    across, down = (
        ((line.unsqueeze(-1) - at.unsqueeze(1)) / reach).square().mul(-0.5).exp()
        for line, at in zip(lines(size, local.driving), local.driving[..., :2].unbind(-1), strict=True)
    )
    added = (local.source - local.driving)[..., :2] / (EXPRESSION_STEP * driven.scale.unsqueeze(1))
    told = torch.cat((torch.ones_like(added[..., :1]), added), dim=2)
    # What is told is joined to a row's points: at every point of the picture one product is left.
    in_rows = (across.unsqueeze(3) * told.unsqueeze(1)).flatten(2)
    maps = down.repeat_interleave(EXPRESSION_MAPS, dim=2).unsqueeze(2) * in_rows.unsqueeze(1)
    return rearrange(maps, "b h w k -> b k h w")


def head_region(motion: Motion, size: Sequence[int]) -> Tensor:
    """Logits of where a head is, (B, 1, d, h, w) for a size (d, h, w)."""
    return _at_every_depth(HeadFrame.of(motion, size[1:]).region(), size)


def head_and_place(
    source: Motion, driven: Motion, size: Sequence[int], hair: Hair | None = None
) -> tuple[Tensor, Tensor]:
    """Logits of where the driven head is, and of what goes with it, to the rim of the place that it has left.

    The share that goes along is nearly whole where the head and its hair are, and where all but its chin was. It falls
    from there to that rim, below from the driven chin on: a neck is stretched over what is left for it. Were the fall
    shorter than the way that the head has gone, what lies there would be seen twice: a second chin.

    Args:
        source: the motion that is left.
        driven: the motion that is shown.
        size: (d, h, w).
        hair: of the source; None: as far as it mostly reaches at most.

    Returns:
        (B, 1, d, h, w) each.
    """
    here, there = HeadFrame.of(driven, size[1:]), HeadFrame.of(source, size[1:])
    now, before = (LONG, LONG) if hair is None else (hair.at(here), hair.at(there))
    head, left = here.region(), there.region(before + AROUND, BELOW)
    whole = torch.maximum(here.region(now), there.region(before, CHEEKS))
    within, beyond = left.clamp(min=0), -whole.clamp(max=0)
    # Odds of the way to one rim over that to the other: between them the share falls evenly.
    falling = ((source.scale / driven.scale)[..., None, None] * (1 + within) / (1 + beyond)).log()
    goes_along = whole.clamp(min=0) + torch.maximum(whole, left).clamp(max=0) + falling
    return _at_every_depth(head, size), _at_every_depth(goes_along, size)


def head_surface(motion: Motion, size: Sequence[int]) -> Tensor:
    """Logits of which depth is seen, (B, D, h, w) for a size (D, h, w): the front of the head, all alike beside it."""
    square = (1 - HeadFrame.of(motion, size[1:]).distance()).clamp(min=0)
    front = motion.translation[:, 2, None, None, None] - HALF_DEPTH * motion.scale[:, :, None, None] * square.sqrt()
    depths = torch.linspace(-1, 1, size[0], device=square.device, dtype=square.dtype)[:, None, None]
    return (square > 0) * (depths - front).square() / (-2 * SURFACE**2)


def _at_every_depth(logits: Tensor, size: Sequence[int]) -> Tensor:
    """(B, 1, h, w) → (B, 1, d, h, w) for a size (d, h, w)."""
    return logits.unsqueeze(2).expand(-1, -1, size[0], -1, -1)
