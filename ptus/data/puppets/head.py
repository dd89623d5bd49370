"""A head painted on a canvas: skull and face, nose, ears and hair."""

import numpy as np

from ptus.data.puppets.features import Face
from ptus.data.puppets.makeup import paint_face
from ptus.data.puppets.person import Colour, Floats, Person
from ptus.data.puppets.solids import MIDDLE, Canvas, Egg, Ellipsoid, Hits, Pose, skull
from ptus.images import Mask

REACH = 1.35
"""From the egg's middle to all of the head and its hair."""
HAIR_THICKNESS = (0.04, 0.06, 0.08)
"""At the sides, in front and on top."""
EAR_LEVEL = -0.16


def paint_back_hair(canvas: Canvas, person: Person, pose: Pose) -> None:
    """The hair that falls behind the neck."""
    if person.long_hair:
        mass = Ellipsoid((0.0, 0.25, 0.25), (person.width + 0.17, 0.6 + person.sides, 0.45))
        hits = mass.meet(canvas.rays(pose, (0.0, 0.25, 0.25), 1.3))
        canvas.paint(hits, pose, _strands(hits, person, 0.8))
        canvas.depth[:] = np.inf  # what is painted next is in front of it


def paint_head(canvas: Canvas, person: Person, face: Face, pose: Pose) -> None:
    """Head and face, in front of everything."""
    rays = canvas.rays(pose, (0.0, MIDDLE, 0.0), REACH)
    hits = face.skull.meet(rays)
    colours = paint_face(hits, person, face, 2 / (canvas.side * pose.scale))
    colours *= (1 - 0.18 * _nose_shadow(hits, face))[..., None]
    canvas.paint(hits, pose, colours)
    for solid in (face.nose, face.nose_tip):
        reach = 1.2 * max(solid.axes)
        part = solid.meet(canvas.rays(pose, solid.middle, reach))
        canvas.paint(part, pose, _nose_colours(part, face, person.skin))
    for side in (-1, 1):
        ear = Ellipsoid((side * (person.width - 0.01), EAR_LEVEL, 0.10), (0.07, 0.19, 0.11))
        part = ear.meet(canvas.rays(pose, ear.middle, 0.3))
        canvas.paint(part, pose, _shade(person.skin, 0.93))
    if not person.bald:
        _paint_hair(canvas, person, pose)


def _paint_hair(canvas: Canvas, person: Person, pose: Pose) -> None:
    head = skull(person, 0.0)
    side, front, top = HAIR_THICKNESS
    cap = Egg(head.width + side, head.depth + front, head.crown + top, head.jaw, head.taper)
    rays = canvas.rays(pose, (0.0, MIDDLE, 0.0), REACH)
    hits = cap.meet(rays)
    canvas.paint(hits, pose, _strands(hits, person, 1.0), _is_hair(person, *hits.point))
    # Beside a face that is turned away the inside of the hair is seen.
    inside = [origin + hits.far * step for origin, step in zip(rays.origin, rays.direction, strict=True)]
    far = hits._replace(depth=hits.far)
    canvas.paint(far, pose, _shade(person.hair, 0.6), _is_hair(person, *inside))


def _is_hair(person: Person, x: Floats, y: Floats, z: Floats) -> Mask:
    """Whether hair grows at points of the cap: from the forehead to the sides the hairline comes down, unevenly."""
    sideways = np.clip((z + 0.50) / 0.38, 0, 1)
    sideways = sideways * sideways * (3 - 2 * sideways)
    uneven = 0.025 * np.sin(23 * x + person.seed % 7) + 0.02 * np.sin(41 * x + person.seed % 5)
    line = person.fringe + 0.35 * x * x + (person.sides - person.fringe) * sideways + uneven
    return np.asarray(y < line)


def _strands(hits: Hits, person: Person, brightness: float) -> Floats:
    """Hair colour (h, w, 3), lighter and darker by strand and with a gloss across them."""
    x, y, z = hits.point
    around = np.arctan2(x, -z)
    strands = 0.08 * np.sin(38 * around + 3 * np.sin(3 * y + person.seed % 11)) + 0.05 * np.sin(71 * around + 2 * y)
    gloss = 0.22 * np.exp(-(((y + 0.72 + 0.1 * np.sin(5 * around)) / 0.1) ** 2))
    levels = brightness * (1 + strands + gloss)
    return np.asarray(levels[..., None] * np.array(person.hair, np.float32) + 0.12 * gloss[..., None], np.float32)


def _nose_shadow(hits: Hits, face: Face) -> Floats:
    """How dark the skin is beside and below the nose, 0 to 1."""
    x, y, z = hits.point
    tip = face.nose_tip
    away = (x / (1.7 * tip.axes[0])) ** 2 + ((y - tip.middle[1] - 0.04) / (1.6 * tip.axes[1])) ** 2
    return np.asarray(np.where(z < 0, np.exp(-away), 0), np.float32)


def _nose_colours(hits: Hits, face: Face, skin: Colour) -> Floats:
    """Skin, with nostrils below the tip."""
    x, y, z = hits.point
    tip = face.nose_tip
    colours = np.broadcast_to(np.array(skin, np.float32), (*x.shape, 3)).copy()
    below = y - tip.middle[1] - 0.6 * tip.axes[1]
    nostril = np.clip(1.5 - np.hypot((np.abs(x) - 0.45 * tip.axes[0]) / 0.030, below / 0.024), 0, 1)
    colours *= (1 - 0.65 * nostril * (z < tip.middle[2] + 0.05))[..., None]
    return colours


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return factor * red, factor * green, factor * blue
