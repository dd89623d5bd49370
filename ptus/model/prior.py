"""What is likely before anything is learned: a motion holds near its keypoint, and a head is an ellipsoid.

The networks behind a deformation add to this, so that an untrained model already moves what it is told to move.
"""

from collections.abc import Sequence

from torch import Tensor

from ptus.model.layers import identity_grid
from ptus.model.motion import Motion

BODY_REACH = 0.2  # how far a keypoint of the body takes its surroundings along, σ, of the frame's half side
FACE_REACH = 0.2  # the same of the face, of the head's half size
BACKGROUND = -4.0  # logit of what does not move, where a keypoint's own is 0
RIM = 6.0  # logit of the face region in the middle of the head, 0 at its rim; at least the opposite beyond
MIDDLE = -0.3  # height of the head's middle: it is measured from its joint, and hair belongs to it
HALF_WIDTH, HALF_HEIGHT, HALF_DEPTH = 0.75, 1.0, 0.7  # of the head, in units of its half size
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
    offsets = identity_grid(size[1:], keypoints) - keypoints[:, :, None, None, :2]
    logits = offsets.square().sum(dim=-1) / (-2 * reach**2)
    return logits.unsqueeze(2).expand(-1, -1, size[0], -1, -1)


def face_reach(motion: Motion) -> Tensor:
    """σ of the face's keypoints in the frame: (B, 1, 1, 1)."""
    return FACE_REACH * motion.scale[:, :, None, None]


def head_region(motion: Motion, size: Sequence[int]) -> Tensor:
    """Logits of the face region, (B, 1, d, h, w) for a size (d, h, w)."""
    logits = RIM * (1 - _distance(motion, size[1:])).clamp(min=-1)
    return logits[:, None, None].expand(-1, 1, size[0], -1, -1)


def head_surface(motion: Motion, size: Sequence[int]) -> Tensor:
    """Logits of which depth is seen, (B, D, h, w) for a size (D, h, w): the front of the head, all alike beside it."""
    square = (1 - _distance(motion, size[1:])).clamp(min=0).unsqueeze(1)
    front = motion.translation[:, 2, None, None, None] - HALF_DEPTH * motion.scale[:, :, None, None] * square.sqrt()
    depths = identity_grid((size[0], 1, 1), square)[..., 2]
    return (square > 0) * (depths - front).square() / (-2 * SURFACE**2)


def _distance(motion: Motion, size: Sequence[int]) -> Tensor:
    """Squared distance from the head's middle, 1 at its rim: (B, h, w)."""
    at = (identity_grid(size, motion.scale) - motion.translation[:, None, None, :2]) / motion.scale[:, None, None]
    return (at[..., 0] / HALF_WIDTH).square() + ((at[..., 1] - MIDDLE) / HALF_HEIGHT).square()
