"""AKD: how far five landmarks of the result's face are from the driver's, seen by YuNet (Wu et al. 2023)."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ptus.errors import UserError
from ptus.evaluation.moments import Values
from ptus.evaluation.regions import EYES, MOUTH, Fractions
from ptus.faces import FaceBox
from ptus.images import Pixels

OPTION = "--face-landmarks"
HOW = "give YuNet's ONNX file: face_detection_yunet_2023mar.onnx of OpenCV's model zoo (opencv/opencv_zoo, at GitHub)"
SIDE = 320
CONFIDENT = 0.6


class SeenFace(NamedTuple):
    """A face as YuNet describes it."""

    row: npt.NDArray[np.float32]
    """(15,): x, y, width, height, then x and y of the eyes, the nose and the corners of the mouth, then the score."""

    @property
    def landmarks(self) -> npt.NDArray[np.float32]:
        """(5, 2), pixels."""
        return self.row[4:14].reshape(5, 2)

    @property
    def width(self) -> float:
        """Of the face, pixels."""
        return float(self.row[2])

    @property
    def box(self) -> FaceBox:
        """The face box whose eye and mouth regions have these eyes and this mouth in their middle, pixels."""
        eyes, mouth = self.landmarks[:2], self.landmarks[3:]
        (left, top), (right, _) = (_middle(box) for box in EYES)
        width = float(np.linalg.norm(eyes[0] - eyes[1])) / (right - left)
        height = float(np.linalg.norm(eyes.mean(0) - mouth.mean(0))) / (_middle(MOUTH)[1] - top)
        x, y = (float(side) for side in eyes.mean(0))
        return FaceBox(x - width / 2, y - top * height, width, height)


class LandmarkDetector:
    """Finds the largest face of a picture and its landmarks.

    Args:
        model: YuNet's ONNX file.

    Raises:
        UserError: where that is not a file that OpenCV can load as YuNet.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise UserError(f"{OPTION} {model}: there is no such file; {HOW}")
        try:
            self._network = cv2.FaceDetectorYN.create(str(model), "", (SIDE, SIDE), CONFIDENT)
            self(np.zeros((SIDE, SIDE, 3), np.uint8))
        except cv2.error as error:
            raise UserError(f"{OPTION} {model} is not YuNet's ONNX file; {HOW}") from error

    def __call__(self, pixels: Pixels) -> SeenFace | None:
        """The face of a square picture (S, S, 3), in its pixels; None where there is none."""
        size = pixels.shape[0]
        _, found = self._network.detect(cv2.resize(pixels[..., ::-1], (SIDE, SIDE)))
        if found is None or len(found) == 0:
            return None
        row = np.array(max(found, key=lambda face: float(face[2] * face[3])), np.float32)
        row[:14] *= size / SIDE
        return SeenFace(row)


def _middle(box: Fractions) -> tuple[float, float]:
    x0, y0, x1, y1 = box
    return (x0 + x1) / 2, (y0 + y1) / 2


def keypoint_distance(result: SeenFace, driving: SeenFace) -> Values:
    """Mean distance of landmarks, pixels; in self-reenactment."""
    return {"akd": float(np.linalg.norm(result.landmarks - driving.landmarks, axis=1).mean())}


def motion_distance(result: SeenFace, driving: SeenFace, first_result: SeenFace, first_driving: SeenFace) -> Values:
    """Mean distance of landmarks' ways since the first frame, as shares of the width of each one's face; in
    cross-reenactment, where the two faces are in different places.
    """  # fmt: skip
    ways = (
        (now.landmarks - first.landmarks) / first.width
        for now, first in ((result, first_result), (driving, first_driving))
    )
    return {"akd_motion": float(np.linalg.norm(np.subtract(*ways), axis=1).mean())}
