"""Faces: finding them, choosing one, following it through a video."""

from ptus.faces.boxes import FaceBox, FaceDetector
from ptus.faces.haar import HaarDetector, largest_face
from ptus.faces.yunet import YuNetDetector

__all__ = ["FaceBox", "FaceDetector", "HaarDetector", "YuNetDetector", "largest_face"]
