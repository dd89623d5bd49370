"""Puppets drawn frame by frame, with the truth about each frame."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from ptus.animation.crop import FACE_LEVEL, FACE_SHARE
from ptus.data.puppets.acting import Performance
from ptus.data.puppets.backdrop import draw_backdrop
from ptus.data.puppets.features import LANDMARKS, NEUTRAL, Expression, face_of, landmarks
from ptus.data.puppets.head import paint_back_hair, paint_head
from ptus.data.puppets.person import Floats, Person
from ptus.data.puppets.solids import MIDDLE, Canvas, Pose, shading
from ptus.data.puppets.torso import Torso, TorsoPose, draw_torso, keypoints, paint_torso
from ptus.faces import FaceBox
from ptus.images import Pixels

OVERSAMPLING = 2
"""Canvas pixels in a pixel, along each side: edges become smooth."""
FOREHEAD = 1.2
"""Height of a face as detectors see it, which begins a little above the brows, over that from brows to chin."""
THROAT = (0.0, 0.40, 0.22)
"""Where the neck meets the head, in the head's units."""
PIVOT = np.array([0.0, 0.55, 0.35], np.float32)
"""The joint that the head turns about, in the head's units."""
NECK_WIDTH = 0.70
"""The neck's width as a share of the head's."""
CHEST = 0.42
"""How far below the base of the neck skin may show, in units of the frame."""
NECK_LENGTH = 0.07
"""From the chin down to the base of the neck, in units of the frame."""


class Drawn(NamedTuple):
    """A frame and the truth about it. Coordinates are in [-1, 1] of the frame, x right, y down, z away."""

    pixels: Pixels
    """(S, S, 3)."""
    pose: Pose
    """Of the head."""
    face: Floats
    """(K, 3), the landmarks in the frame."""
    body: Floats
    """(K_b, 3), the keypoints of the body in the frame."""


class Puppet:
    """A person ready to be drawn.

    Args:
        person: who.
        size: side of the pictures, pixels.
    """

    def __init__(self, person: Person, size: int) -> None:
        self.person = person
        self.size = size
        self.canonical = landmarks(face_of(person, NEUTRAL))
        self._torso: Torso = draw_torso(person)
        self._backdrop = draw_backdrop(person, OVERSAMPLING * size)
        chin, brows = (self.canonical[LANDMARKS.index(name), 1] for name in ("chin", "left brow middle"))
        face = FOREHEAD * float(chin - brows)
        self.scale = 2 * FACE_SHARE / face
        level = 2 * FACE_LEVEL - 1 - self.scale * (float(chin) - face / 2)
        self._rest = np.array([0.0, level, 0.0], np.float32)
        self._neck = np.array([0.0, level + self.scale * (person.jaw + MIDDLE) + NECK_LENGTH, 0.0], np.float32)

    def play(self, performance: Performance) -> Iterator[Drawn]:
        """The frames of a performance."""
        for number in range(len(performance.mouth)):
            yield self.draw(performance, number)

    def draw(self, performance: Performance, number: int) -> Drawn:
        """One frame of a performance."""
        expression = Expression(
            eyes=(float(performance.eyes[number, 0]), float(performance.eyes[number, 1])),
            mouth=float(performance.mouth[number]),
            smile=float(performance.smile[number]),
            brows=float(performance.brows[number]),
            gaze=(float(performance.gaze[number, 0]), float(performance.gaze[number, 1])),
        )
        face = face_of(self.person, expression)
        body = TorsoPose(
            performance.body[number], self._neck + performance.body_shift[number], float(performance.shrug[number])
        )
        pose = self._head_pose(performance, number, body)
        canvas = Canvas(self._backdrop, self.person.light)
        paint_back_hair(canvas, self.person, pose)
        self._paint_neck(canvas, pose, body)
        paint_torso(canvas.pixels, self._torso, body)
        paint_head(canvas, self.person, face, pose)
        fine = (255 * np.clip(canvas.pixels, 0, 1)).round().astype(np.uint8)
        pixels = cv2.resize(fine, (self.size, self.size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        return Drawn(pixels, pose, pose.place(landmarks(face)), keypoints(self._torso, body))

    def face_box(self, drawn: Drawn) -> FaceBox:
        """The face in pixels, as a detector would find it: a square of the head's size around the landmarks."""
        beside = {"temple", "forehead", "iris"}
        of_face = [number for number, name in enumerate(LANDMARKS) if not beside & set(name.split())]
        points = drawn.face[of_face, :2]
        middle = (points.min(0) + points.max(0)) / 2
        side = 2 * FACE_SHARE * drawn.pose.scale / self.scale
        middle[1] -= (1 - 1 / FOREHEAD) * side / 2
        left, top, side = (float(length) * self.size / 2 for length in (*(middle - side / 2 + 1), side))
        return FaceBox(left, top, side, side)

    def _head_pose(self, performance: Performance, number: int, body: TorsoPose) -> Pose:
        """The head on its neck: it goes where the body goes, and turns about the neck's upper end, on top of that."""
        rotation = (performance.head[number] @ body.rotation).astype(np.float32)
        scale = self.scale * float(performance.head_size[number])
        joint = self._rest + self.scale * PIVOT - self._neck
        placed = joint @ body.rotation + body.translation + performance.head_shift[number]
        return Pose(rotation, (placed - scale * PIVOT @ rotation).astype(np.float32), scale)

    def _paint_neck(self, canvas: Canvas, pose: Pose, body: TorsoPose) -> None:
        """A round column from the throat down to the chest, which shows where the clothes are open."""
        upper = pose.place(np.array(THROAT, np.float32))
        lower = (np.array([0.0, CHEST, 0.0], np.float32) @ body.rotation + body.translation).astype(np.float32)
        half = NECK_WIDTH * self.person.width * self.scale
        rows, columns = canvas.part((upper + lower) / 2, float(np.abs(lower - upper).max()) / 2 + half)
        x = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * 2 / canvas.side - 1)[None]
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * 2 / canvas.side - 1)[:, None]
        down = (y - upper[1]) / max(float(lower[1] - upper[1]), 1e-3)
        spread = half * (1 + 0.35 * np.clip(2 * down - 1, 0, 1))
        across = (x - upper[0] - np.clip(down, 0, 1) * (lower[0] - upper[0])) / spread
        inside = (np.abs(across) < 1) & (y > upper[1] - half) & (down < 1)
        ahead = np.sqrt(np.maximum(0, 1 - across**2))
        facing = across * self.person.light[0] - ahead * self.person.light[2]
        under_chin = 0.55 + 0.45 * np.clip(2.5 * down - 1, 0, 1)
        colours = (shading(facing) * under_chin)[..., None] * np.array(self.person.skin, np.float32)
        canvas.pixels[rows, columns][inside] = colours[inside]
