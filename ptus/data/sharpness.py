"""How sharp a face is."""

import cv2
import numpy as np

from ptus.faces import FaceBox
from ptus.images import Pixels, resized

SIDE = 128
"""Faces are measured at this size, so that what is measured is detail, not resolution."""


def face_sharpness(pixels: Pixels, face: FaceBox) -> float:
    """The variance of the Laplacian of a face, shrunk or grown to SIDE × SIDE, relative to that of its brightness.

    The contrast is divided out so that dim faces are not taken for blurred ones.

    Args:
        pixels: the frame, (H, W, 3).
        face: in it; what is beyond the frame is left out.

    Returns:
        0 for a face without any detail; sharp ones have 0.02 and more.
    """
    height, width = pixels.shape[:2]
    left, top = max(0, round(face.x)), max(0, round(face.y))
    right, bottom = min(width, round(face.x + face.width)), min(height, round(face.y + face.height))
    if right - left < 2 or bottom - top < 2:
        return 0.0
    grey = cv2.cvtColor(resized(np.ascontiguousarray(pixels[top:bottom, left:right]), SIDE, SIDE), cv2.COLOR_RGB2GRAY)
    variance = float(grey.astype(np.float32).var())
    return float(cv2.Laplacian(grey, cv2.CV_32F).var()) / variance if variance > 1 else 0.0
