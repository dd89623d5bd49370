"""Drawn faces whose eyes and mouth are open as far as is said, and networks' stand-ins that know them."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from ptus.evaluation.identity import Embedding, IdentityNetwork
from ptus.evaluation.landmarks import LandmarkDetector, SeenFace
from ptus.evaluation.moments import Moment
from ptus.evaluation.regions import EYES, MOUTH, part
from ptus.faces import FaceBox
from ptus.images import Pixels

SIZE = 192
FACE = FaceBox(60.0, 40.0, 72.0, 72.0)
SKIN = (205, 160, 140)


def drawn(eyes: float = 1.0, mouth: float = 0.0, right: float = 0.0) -> Pixels:
    """A face (SIZE, SIZE, 3), its openings 0 to 1, moved to the right by pixels."""
    canvas = np.full((SIZE, SIZE, 3), (90, 110, 130), np.uint8)
    box = FACE.moved(right, 0)

    def ellipse(x: float, y: float, width: float, height: float, colour: Sequence[int]) -> None:
        centre = (int(16 * (box.x + x * box.width)), int(16 * (box.y + y * box.height)))
        axes = (int(16 * width * box.width), max(1, int(16 * height * box.height)))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, colour, cv2.FILLED, cv2.LINE_AA, 4)

    ellipse(0.5, 0.5, 0.55, 0.65, SKIN)
    for x in (0.31, 0.69):
        ellipse(x, 0.38, 0.09, 0.01 + 0.05 * eyes, (40, 30, 30))
    ellipse(0.5, 0.78, 0.15, 0.01 + 0.1 * mouth, (70, 20, 20))
    return canvas


class KnownFace:
    """A `FaceDetector` for pictures of any size whose face is where `drawn` puts it."""

    def __call__(self, pixels: Pixels, smallest: float = 0.06) -> list[FaceBox]:
        return [FACE.scaled(pixels.shape[0] / SIZE)]


def moment(result: Pixels, driving: Pixels, source: Pixels | None = None) -> Moment:
    """A frame of a face that is at FACE in source and driver."""
    return Moment(driving if source is None else source, driving, result, FACE, FACE)


def noise(seed: int, size: int = SIZE) -> Pixels:
    """A smooth random picture (size, size, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (size // 6, size // 6, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


class DrawnLandmarks(LandmarkDetector):
    """For drawn faces of any size; sees none in black pictures."""

    def __init__(self) -> None:
        pass

    def __call__(self, pixels: Pixels) -> SeenFace | None:
        if not pixels.any():
            return None
        box = FACE.scaled(pixels.shape[0] / SIZE)
        points = [part(box, region).centre for region in (*EYES, (0.4, 0.5, 0.6, 0.6), MOUTH, MOUTH)]
        return SeenFace(np.array([*box, *np.ravel(points), 1], np.float32))


class Colour(IdentityNetwork):
    """Knows people by the colour of their picture."""

    def __init__(self) -> None:
        pass

    def embed(self, pixels: Pixels, face: SeenFace) -> Embedding:
        colour = pixels.mean((0, 1)).astype(np.float32)
        embedding: Embedding = colour / np.linalg.norm(colour)
        return embedding


class FewFeatures(torch.nn.Module):
    """Stands in for Inception: the levels of red and green."""

    num_features = 2

    def __init__(self) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().mean((2, 3))[:, :2]
