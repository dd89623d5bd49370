"""Where a person who stands before the camera, head upright, has keypoints: what estimators start from."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Point = tuple[float, float, float]

FACE: dict[str, Point] = {
    "left eye upper lid": (-0.28, -0.40, -0.65),
    "left eye lower lid": (-0.28, -0.25, -0.67),
    "right eye upper lid": (0.28, -0.40, -0.65),
    "right eye lower lid": (0.28, -0.25, -0.67),
    "left mouth corner": (-0.23, 0.36, -0.52),
    "right mouth corner": (0.23, 0.36, -0.52),
    "upper lip inner edge": (0.0, 0.36, -0.62),
    "lower lip inner edge": (0.0, 0.36, -0.62),
    "left brow middle": (-0.30, -0.57, -0.58),
    "right brow middle": (0.30, -0.57, -0.58),
    "nose tip": (0.0, 0.09, -0.90),
    "chin": (0.0, 0.63, -0.30),
    "left jaw": (-0.52, 0.30, 0.0),
    "right jaw": (0.52, 0.30, 0.0),
    "forehead": (0.0, -0.75, -0.58),
}
"""Landmarks that blinks and speech move, then the head's, in units of the head's half size from its joint."""
EYES_AND_MOUTH = 10
"""How many of them, the first ones, are of eyes and mouth."""
IRISES: dict[str, Point] = {"left iris": (-0.28, -0.33, -0.66), "right iris": (0.28, -0.33, -0.66)}
"""Their middles, which are no keypoints: eyes look by a motion of their own."""
OPENINGS = [
    (list(FACE).index(upper), list(FACE).index(lower))
    for upper, lower in (
        ("left eye upper lid", "left eye lower lid"),
        ("right eye upper lid", "right eye lower lid"),
        ("upper lip inner edge", "lower lip inner edge"),
    )
]
"""Numbers of the landmarks between which eyes and mouth open."""
EYES = OPENINGS[: len(IRISES)]
"""Those of the eyes, in the order of their irises."""
BODY: dict[str, Point] = {
    "base of the neck": (0.0, 0.13, -0.13),
    "left shoulder": (-0.66, 0.30, -0.03),
    "right shoulder": (0.66, 0.30, -0.03),
    "left collar bone": (-0.30, 0.22, -0.15),
    "right collar bone": (0.30, 0.22, -0.15),
    "left upper arm": (-0.68, 0.67, -0.20),
    "right upper arm": (0.68, 0.67, -0.20),
    "breast bone": (0.0, 0.48, -0.31),
    "left chest": (-0.30, 0.62, -0.31),
    "right chest": (0.30, 0.62, -0.31),
}
"""The same of the body, in [-1, 1] of a frame in which the head has its usual share."""
ARMS: tuple[Point, ...] = ((-0.60, 0.90, -0.30), (0.60, 0.90, -0.30))
"""Further keypoints of the body, whose place is never known."""

HEAD_IN_FRAME = (-0.2, 0.39)
"""How low the head's joint is in a frame in which the head has its usual share, and the head's half size."""
HEAD_IN_CROP = (0.08, 0.85)
"""The same in the crop around a face box."""


def _keypoints(points: list[Point], count: int) -> Floats:
    """As many keypoints, (count, 3); where there are fewer points, several share one."""
    return np.array([points[number % len(points)] for number in range(count)], np.float32)


def face(count: int) -> Floats:
    """Canonical keypoints of the face, (count, 3)."""
    return _keypoints(list(FACE.values()), count)


def body(count: int) -> Floats:
    """Keypoints of the body in the frame, (count, 3)."""
    return _keypoints([*BODY.values(), *ARMS], count)
