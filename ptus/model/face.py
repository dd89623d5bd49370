"""The face estimator: canonical keypoints, head pose, expression and gaze from crops of head, eyes and mouth."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from ptus.model import rotation, standing
from ptus.model.close_up import CloseUp
from ptus.model.config import ModelConfig
from ptus.model.crops import head_crops, head_frame
from ptus.model.layers import bounded, precise
from ptus.model.motion import Motion
from ptus.model.points import FRAME_SIDE, LocalPoints, following

CROP_SIDE = 96  # of the head's crop as points are sought in it, pixels
LARGEST_FRAME = 256  # side of the frame that it is cut from: of a larger one the crop would skip pixels
LARGEST_ANGLE = math.pi / 2
LARGEST_EXPRESSION = 0.5  # of the head's half size
LARGEST_SHIFT = LARGEST_ZOOM = 1.0  # of the crop's or the frame's half side, and a logarithm
RIDGE = 1.0  # holds back what an untrained estimator makes of points that are noise


class FaceEstimator(nn.Module):
    """Reads a face's motion from points that are found near where a standing face has its keypoints.

    What it says of place and size is relative to the face's box, whose jitter it takes back. With head pose, eyes
    and mouth are read again from close up.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.local_global = config.local_global
        self.whole_frame = not config.face_body
        self.close_up: CloseUp | None = None
        count = config.estimated_face_keypoints
        down, size = standing.HEAD_IN_FRAME if self.whole_frame else standing.HEAD_IN_CROP
        joint = np.array([0, down, 0], np.float32)
        canonical = standing.face(config.face_keypoints)
        if self.whole_frame:
            body = (standing.body(config.body_keypoints) - joint) / np.float32(size)
            canonical = np.concatenate((canonical, body))
        places = joint + np.float32(size) * canonical
        self.points = LocalPoints(places[:, :2])
        if not self.local_global:
            self.standing = nn.Parameter(torch.tensor(places.tolist()))
            self.expression = self.points.reader(3 * count, following(count))
            return
        self.standing = nn.Parameter(torch.tensor(canonical.tolist()))
        self.canonical = self.points.reader(3 * count)
        self.expression = self.points.reader(3 * count)
        self.place = nn.Parameter(torch.tensor([0, down, 0, math.log(size)]))
        self.head = self.points.reader(7, _head_at_first(canonical, config.face_keypoints, size))
        if config.reads_close_up:
            self.close_up = CloseUp()

    def forward(self, frames: Tensor, face_boxes: Tensor, body: Tensor) -> Motion:
        """Estimate the motion of faces, and join that of the body.

        Args:
            frames: (B, 3, S, S), RGB in [-1, 1].
            face_boxes: (B, 4), x0, y0, x1, y1 in [-1, 1] of the frame, brows to chin; not read where face and body are
                one.
            body: keypoints of the body, (B, K_b, 3).
        """
        small = frames if frames.shape[2] <= LARGEST_FRAME else adaptive_avg_pool2d(frames, LARGEST_FRAME)
        if self.whole_frame:
            centre, half = body.new_zeros(len(frames), 2), body.new_ones(len(frames), 1)
            offsets = self.points(adaptive_avg_pool2d(frames, FRAME_SIDE))
        else:
            centre, half = head_frame(face_boxes)
            offsets = self.points(head_crops(small, face_boxes, CROP_SIDE))
        centre = torch.cat((centre, torch.zeros_like(half)), dim=-1)
        largest = LARGEST_EXPRESSION if self.local_global else LARGEST_SHIFT
        expression = bounded(self.expression(offsets), largest).unflatten(1, (-1, 3))
        if not self.local_global:
            still = torch.eye(3, device=centre.device, dtype=centre.dtype).expand(len(frames), 3, 3)
            canonical = precise(self.standing).expand_as(expression)
            return Motion(body, canonical, still, centre, half, expression, _ahead(expression))
        own = bounded(self.canonical(offsets), LARGEST_EXPRESSION).unflatten(1, (-1, 3))
        angles, shift, zoom = self.head(offsets).split((3, 3, 1), dim=1)
        place, log_size = precise(self.place).split((3, 1))
        motion = Motion(
            body=body,
            canonical=precise(self.standing) + own,
            rotation=rotation.from_angles(bounded(angles, LARGEST_ANGLE)),
            translation=centre + half * (place + bounded(shift, LARGEST_SHIFT)),
            scale=half * (log_size + bounded(zoom, LARGEST_ZOOM)).exp(),
            expression=expression,
            gaze=_ahead(expression),
        )
        return motion if self.close_up is None else self.close_up(small, motion)


def _ahead(expression: Tensor) -> Tensor:
    """Where eyes look as long as nobody looked at them: above their lower lids."""
    return expression.new_zeros(len(expression), len(standing.IRISES))


def _head_at_first(canonical: standing.Floats, landmarks: int, size: float) -> Tensor:
    """What a head's yaw, pitch, roll, shift (x, y, z) and zoom are, read from its landmarks' offsets: (7, P, 2).

    The solution by ridge regression of offset = size · dx, where a small motion moves a canonical point x by
    dx = (yaw z - roll y + zoom x, roll x - pitch z + zoom y), beside the shift.
    """
    x, y, z = canonical[:landmarks].T
    none, one = np.zeros_like(x), np.ones_like(x)
    moved = np.array([(z, none), (none, -z), (-y, x), (one, none), (none, one), (none, none), (x, y)])
    by_motion = moved.transpose(2, 1, 0).reshape(-1, 7)
    solved = np.linalg.solve(by_motion.T @ by_motion + RIDGE * np.eye(7), by_motion.T).reshape(7, landmarks, 2)
    solved[[0, 1, 2, 6]] /= size  # the shift is in the same units as the offsets
    read = torch.zeros(7, len(canonical), 2, device="cpu")
    read[:, :landmarks] = torch.from_numpy(solved)
    return read
