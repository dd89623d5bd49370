"""Faces: finding them, choosing one, following it through a video."""

from ptus.faces.boxes import FaceBox, FaceDetector
from ptus.faces.haar import HaarDetector, largest_face

__all__ = ["FaceBox", "FaceDetector", "HaarDetector", "largest_face"]
