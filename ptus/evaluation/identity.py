"""Whether the person stays the same: CSIM and AED between embeddings of SFace (Zhong et al. 2021)."""

from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ptus.errors import UserError
from ptus.evaluation.landmarks import SeenFace
from ptus.evaluation.moments import Values
from ptus.images import Pixels

Embedding: TypeAlias = npt.NDArray[np.float32]
"""(128,), of length 1."""

OPTION = "--identity-network"
HOW = (
    "give SFace's ONNX file, face_recognition_sface_2021dec.onnx of OpenCV's model zoo (opencv/opencv_zoo, at GitHub), "
    "and --face-landmarks"
)


class IdentityNetwork:
    """Describes whose face it is.

    Args:
        model: SFace's ONNX file.

    Raises:
        UserError: where that is not a file that OpenCV can load as SFace.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise UserError(f"{OPTION} {model}: there is no such file; {HOW}")
        try:
            self._network = cv2.FaceRecognizerSF.create(str(model), "")
            self._network.feature(np.zeros((112, 112, 3), np.uint8))
        except cv2.error as error:
            raise UserError(f"{OPTION} {model} is not SFace's ONNX file; {HOW}") from error

    def embed(self, pixels: Pixels, face: SeenFace) -> Embedding:
        """The embedding (128,), of length 1, of a face in a picture (H, W, 3)."""
        aligned = self._network.alignCrop(np.ascontiguousarray(pixels[..., ::-1]), face.row)
        embedding = np.asarray(self._network.feature(aligned), np.float32).ravel()
        length: Embedding = embedding / max(float(np.linalg.norm(embedding)), 1e-12)
        return length


def similarity(result: Embedding, person: Embedding) -> Values:
    """CSIM, the cosine, and AED, the Euclidean distance, of two embeddings of length 1."""
    return {"csim": float(result @ person), "aed": float(np.linalg.norm(result - person))}
