"""Finding faces with YuNet, the small network that OpenCV runs, from a model file that the user has."""

from pathlib import Path

import cv2
import numpy as np

from ptus.errors import UserError
from ptus.faces.boxes import FaceBox
from ptus.images import Pixels

SEARCH_SIDE = 640
CONFIDENT = 0.7


class YuNetDetector:
    """Finds faces at any angle that YuNet knows; a `FaceDetector`.

    YuNet's boxes reach from the hairline to the chin and are narrow; they are made square about their lower part, so
    that they mean what the cascades' boxes mean.

    Args:
        model: YuNet's ONNX file.

    Raises:
        UserError: where that is not a file that OpenCV can load as YuNet.
    """

    def __init__(self, model: Path) -> None:
        if not model.is_file():
            raise UserError(f"there is no face detector at {model}; give YuNet's ONNX file, or leave the option out")
        try:
            self._network = cv2.FaceDetectorYN.create(str(model), "", (SEARCH_SIDE, SEARCH_SIDE), CONFIDENT)
            self(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise UserError(f"{model} is not YuNet's ONNX file; leave the option out to search without it") from error

    def __call__(self, pixels: Pixels, smallest: float = 0.06) -> list[FaceBox]:
        """The faces of a picture (H, W, 3), the largest first; `smallest` is a share of its shorter side."""
        height, width = pixels.shape[:2]
        scale = min(1.0, SEARCH_SIDE / max(height, width))
        bgr = cv2.resize(pixels[..., ::-1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        self._network.setInputSize((bgr.shape[1], bgr.shape[0]))
        _, found = self._network.detect(bgr)
        rows = np.reshape(found, (-1, 15))[:, :4] if found is not None else []
        boxes = [_square(*map(float, row)).scaled(1 / scale) for row in rows]
        boxes = [box for box in boxes if box.width >= smallest * min(height, width)]
        return sorted(boxes, key=lambda box: -box.width)


def _square(x: float, y: float, width: float, height: float) -> FaceBox:
    """The square that ends at the same chin, its side between the width and the height."""
    side = (width + height) / 2
    return FaceBox(x + (width - side) / 2, y + height - side, side, side)
