"""Parts of a frame that are measured apart: the face, and fixed eye and mouth boxes in it."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from ptus.faces import FaceBox
from ptus.images import Plane

Fractions: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares of the face box, as the detectors of `ptus.faces` give it.

The eyes are at 0.38 of its height and the mouth at 0.78; there is some forehead in it.
"""

EYES: tuple[Fractions, Fractions] = ((0.18, 0.28, 0.44, 0.48), (0.56, 0.28, 0.82, 0.48))
MOUTH: Fractions = (0.28, 0.64, 0.72, 0.92)
FACE: Fractions = (0.0, 0.0, 1.0, 1.0)
REGIONS: Mapping[str, tuple[Fractions, ...]] = {"face": (FACE,), "eyes": EYES, "mouth": (MOUTH,)}
"""The parts by name, each one or several boxes; the whole frame is measured beside them."""


def part(face: FaceBox, fractions: Fractions) -> FaceBox:
    """The box in a frame that is a part of the face."""
    x0, y0, x1, y1 = fractions
    return FaceBox(face.x + x0 * face.width, face.y + y0 * face.height, (x1 - x0) * face.width, (y1 - y0) * face.height)


def means(plane: Plane, face: FaceBox) -> dict[str, float]:
    """The mean of a map over the frame and each region of it.

    Args:
        plane: (H, W).
        face: where the face is in it, pixels.

    Returns:
        The mean by region, of the whole frame by "". A region that lies outside the frame is left out.
    """
    found = {"": float(plane.mean(dtype=np.float64))}
    for name, boxes in REGIONS.items():
        inside = [plane[_pixels(part(face, box), *plane.shape[:2])].ravel() for box in boxes]
        values = np.concatenate(inside)
        if values.size > 0:
            found[name] = float(values.mean(dtype=np.float64))
    return found


def named(measure: str, by_region: Mapping[str, float]) -> dict[str, float]:
    """Values by region as values by measure: `l1`, `l1_face`, …"""
    return {f"{measure}_{region}" if region else measure: value for region, value in by_region.items()}


def _pixels(box: FaceBox, height: int, width: int) -> tuple[slice, slice]:
    """The pixels whose middles lie in a box."""
    spans = []
    for start, side, total in ((box.y, box.height, height), (box.x, box.width, width)):
        first, end = (min(max(round(edge), 0), total) for edge in (start, start + side))
        spans.append(slice(first, end))
    return spans[0], spans[1]
