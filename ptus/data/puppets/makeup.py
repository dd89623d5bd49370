"""Faces painted: eyes, brows, mouth, beard, in layers over the skin."""

import numpy as np

from ptus.data.puppets.features import EYE_LEVEL, MOUTH_LEVEL, Brow, Eye, Face, Mouth
from ptus.data.puppets.person import Colour, Floats, Person
from ptus.data.puppets.solids import Hits

WHITE: Colour = (0.96, 0.96, 0.95)
DARK: Colour = (0.10, 0.06, 0.06)
FRAMES: Colour = (0.13, 0.12, 0.14)
INSIDE: Colour = (0.28, 0.05, 0.06)
TONGUE: Colour = (0.72, 0.30, 0.32)
LENS = 0.235
"""Half the width of one of a pair of glasses."""


class Layers:
    """The colours of the pixels that a head's front covers.

    Args:
        hits: where the rays meet the head.
        skin: colour to begin with.
        pixel: a pixel's side in the head's units: how soft an edge must be to be smooth.
    """

    def __init__(self, hits: Hits, skin: Colour, pixel: float) -> None:
        self.x, self.y, z = hits.point
        self._ahead = z < 0
        self._edge = 1.5 * pixel
        self.colours = np.broadcast_to(np.array(skin, np.float32), (*self.x.shape, 3)).copy()

    def around(self, x: float, y: float, width: float, height: float) -> tuple[slice, slice]:
        """The part of the picture that holds everything within a distance of a point of the front."""
        near = (np.abs(self.x - x) < width) & (np.abs(self.y - y) < height) & self._ahead
        rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        if not rows.size:
            return slice(0), slice(0)
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def cover(self, part: tuple[slice, slice], colour: Colour | Floats, distance: Floats, opacity: float = 1.0) -> None:
        """Paint over the points of a part where a distance, in the head's units, is below 0."""
        alpha = opacity * np.clip(0.5 - distance / self._edge, 0, 1) * self._ahead[part]
        below = self.colours[part]
        below += alpha[..., None] * (np.asarray(colour, np.float32) - below)

    def tint(self, colour: Colour, alpha: Floats) -> None:
        """Mix a colour in everywhere, by its opacity (h, w)."""
        self.colours += (alpha * self._ahead)[..., None] * (np.asarray(colour, np.float32) - self.colours)


def paint_face(hits: Hits, person: Person, face: Face, pixel: float) -> Floats:
    """The colours (h, w, 3) of a head, before light falls on it."""
    layers = Layers(hits, person.skin, pixel)
    for side in (-1, 1):
        spot = np.exp(-(((layers.x - side * 0.36) / 0.17) ** 2) - ((layers.y - 0.12) / 0.14) ** 2)
        layers.tint(person.lip, 0.22 * spot)
    if person.beard:
        edge = 0.16 + 0.45 * np.maximum(0, np.abs(layers.x) - 0.12) - 0.9 * np.maximum(0, np.abs(layers.x) - 0.42)
        layers.tint(person.hair, person.beard * np.clip((layers.y - edge) / 0.08, 0, 1))
    for eye in face.eyes:
        _paint_eye(layers, eye, person)
    for brow in face.brows:
        _paint_brow(layers, brow, person)
    _paint_mouth(layers, face.mouth, person)
    if person.glasses:
        _paint_glasses(layers, face)
    return layers.colours


def _paint_eye(layers: Layers, eye: Eye, person: Person) -> None:
    part = layers.around(eye.x, EYE_LEVEL, 1.3 * eye.width, 0.26)
    x, y = layers.x[part], layers.y[part]
    upper, lower, open_upper = eye.lids(x)
    beside = 0.5 * (np.abs(x - eye.x) - eye.width)
    shadow = _darker(person.skin, 0.72)
    layers.cover(
        part, _darker(person.skin, 0.86), np.maximum(np.maximum(open_upper - 0.05 - y, y - upper), beside - 0.02)
    )
    layers.cover(part, shadow, np.maximum(np.abs(y - open_upper + 0.05) - 0.008, beside), 0.8)
    ball = np.maximum(np.maximum(upper - y, y - lower), beside)
    layers.cover(part, WHITE, ball)
    middle_x, middle_y = eye.iris
    away = np.hypot(x - middle_x, y - middle_y)
    for colour, radius in ((_darker(person.iris, 0.45), 0.082), (person.iris, 0.07), (DARK, 0.034)):
        layers.cover(part, colour, np.maximum(ball, away - radius))
    layers.cover(part, WHITE, np.maximum(ball, np.hypot(x - middle_x + 0.025, y - middle_y + 0.028) - 0.016))
    layers.cover(part, DARK, np.maximum(np.abs(y - upper) - 0.017, beside - 0.012))
    layers.cover(part, shadow, np.maximum(np.abs(y - lower) - 0.008, beside), 0.7)


def _paint_brow(layers: Layers, brow: Brow, person: Person) -> None:
    part = layers.around(brow.x, brow.ends, 1.2 * brow.width, 0.2)
    x, y = layers.x[part], layers.y[part]
    along = (x - brow.x) / brow.width
    thickness = person.brow_thickness * np.clip(1.0 + 0.35 * brow.inner * along, 0.3, 2)
    distance = np.maximum(np.abs(y - brow.height(x)) - thickness, brow.width * (np.abs(along) - 1))
    layers.cover(part, _darker(person.hair, 0.8), distance, 0.92)


def _paint_mouth(layers: Layers, mouth: Mouth, person: Person) -> None:
    part = layers.around(0, MOUTH_LEVEL + 0.1, 1.2 * mouth.width, 0.35)
    x, y = layers.x[part], layers.y[part]
    outer_top, top, bottom, outer_bottom = mouth.lines(x)
    beside = 0.5 * (np.abs(x) - mouth.width)
    layers.cover(part, person.lip, np.maximum(np.maximum(outer_top - y, y - top), beside))
    layers.cover(part, _lighter(person.lip, 0.12), np.maximum(np.maximum(bottom - y, y - outer_bottom), beside))
    hole = np.maximum(np.maximum(top - y, y - bottom), beside)
    layers.cover(part, INSIDE, hole)
    tongue = np.hypot(x / 1.3, y - (MOUTH_LEVEL + 0.95 * mouth.gap)) - 0.1
    layers.cover(part, TONGUE, np.maximum(hole, tongue))
    layers.cover(part, WHITE, np.maximum(hole, np.maximum(y - top - 0.055, np.abs(x) - 0.85 * mouth.width)))
    layers.cover(part, _darker(person.lip, 0.5), np.maximum(np.abs(y - top) - 0.010, beside), 0.9)


def _paint_glasses(layers: Layers, face: Face) -> None:
    for eye in face.eyes:
        part = layers.around(eye.x, EYE_LEVEL, 0.35, 0.3)
        x, y = layers.x[part], layers.y[part]
        rim = (np.abs((x - eye.x) / LENS) ** 3 + np.abs((y - EYE_LEVEL - 0.02) / 0.19) ** 3) ** (1 / 3) - 1
        layers.cover(part, FRAMES, np.abs(0.2 * rim) - 0.016)
        layers.cover(part, WHITE, 0.2 * rim, 0.08)
    part = layers.around(0, EYE_LEVEL, 0.9, 0.1)
    x, y = np.abs(layers.x[part]), layers.y[part]
    bridge, arms = x - (face.eyes[1].x - LENS), face.eyes[1].x + LENS - x
    layers.cover(part, FRAMES, np.maximum(np.abs(y - EYE_LEVEL) - 0.015, np.minimum(bridge, arms)))


def _darker(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return factor * red, factor * green, factor * blue


def _lighter(colour: Colour, share: float) -> Colour:
    red, green, blue = colour
    return red + share * (1 - red), green + share * (1 - green), blue + share * (1 - blue)
