"""A diagnostic, no result: how far the model's own keypoints in a result are from those in the driver's frame.

A model can make this small by estimating the same keypoints everywhere, so that it says something about training and
nothing about pictures.
"""

import numpy as np
import torch

from ptus.animation.reenactment import Stages
from ptus.evaluation.moments import Moment, Values
from ptus.faces import FaceBox
from ptus.images import Pixels
from ptus.model.motion import Motion


class OwnKeypoints:
    """Compares results with true frames in the eyes of a model; for self-reenactment.

    Args:
        stages: of the evaluated model, which looks at the results of every method.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def __call__(self, moment: Moment) -> Values:
        """Mean distance of keypoints in x and y (pixels), and of expressions δ (in the face's own space)."""
        size = moment.driving.shape[0]
        made, true = (self._estimate(picture, moment.driving_face) for picture in (moment.result, moment.driving))
        points = torch.cat([made.body, made.face], 1) - torch.cat([true.body, true.face], 1)
        return {
            "own_keypoint_distance": float(points[..., :2].norm(dim=-1).mean()) * size / 2,
            "own_expression_distance": float((made.expression - true.expression).norm(dim=-1).mean()),
        }

    @torch.inference_mode()
    def _estimate(self, picture: Pixels, face: FaceBox) -> Motion:
        corners = np.array((face.x, face.y, face.x + face.width, face.y + face.height), np.float32)
        box = torch.from_numpy(corners * 2 / picture.shape[0] - 1)[None].to(self._stages.device)
        return self._stages.estimate((torch.from_numpy(picture)[None].to(self._stages.device), box))
