"""Where the features of a face are, in the head's coordinates: what is painted and what the landmarks say is one."""

from typing import NamedTuple

import numpy as np

from ptus.data.puppets.person import Floats, Person
from ptus.data.puppets.solids import MIDDLE, Egg, Ellipsoid, skull

EYE_LEVEL = -0.30
MOUTH_LEVEL = 0.36
LANDMARKS = (
    "left eye outer corner", "left eye inner corner", "left eye upper lid", "left eye lower lid",
    "right eye inner corner", "right eye outer corner", "right eye upper lid", "right eye lower lid",
    "left brow outer end", "left brow middle", "left brow inner end",
    "right brow inner end", "right brow middle", "right brow outer end",
    "nose bridge", "nose tip", "left mouth corner", "right mouth corner",
    "upper lip outer edge", "upper lip inner edge", "lower lip inner edge", "lower lip outer edge",
    "chin", "left jaw", "right jaw", "left temple", "right temple", "forehead", "left iris", "right iris",
)  # fmt: skip
"""Names of the landmarks, in order; left and right as seen in the picture of a face that looks ahead."""


class Expression(NamedTuple):
    """The state of a face in one frame, as in `Performance`."""

    eyes: tuple[float, float] = (1.0, 1.0)
    mouth: float = 0.0
    smile: float = 0.0
    brows: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


NEUTRAL = Expression()


class Eye(NamedTuple):
    """An eye: its lids are arcs between its corners."""

    x: float
    width: float
    upper: float
    """y of the upper lid in the middle."""
    lower: float
    open_upper: float
    """y of the upper lid were it open."""
    iris: tuple[float, float]
    """x and y of its middle."""

    def lids(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Heights, y, of the upper lid, the lower lid and the upper lid were it open; equal at the corners."""
        arc = np.maximum(0, 1 - ((x - self.x) / self.width) ** 2)
        upper, lower, open_upper = (
            EYE_LEVEL + (y - EYE_LEVEL) * arc for y in (self.upper, self.lower, self.open_upper)
        )
        return upper, lower, open_upper


class Brow(NamedTuple):
    """An eyebrow: an arc, higher in its middle."""

    x: float
    width: float
    ends: float
    arch: float
    inner: float
    """Sign of the side where its inner end is."""

    def height(self, x: Floats) -> Floats:
        """y of its middle line."""
        along = (x - self.x) / self.width
        return self.ends - self.arch * (1 - along**2) + 0.02 * self.inner * along


class Mouth(NamedTuple):
    """A mouth between two corners."""

    width: float
    corners: float
    gap: float
    lips: float

    def lines(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Heights, y, from above: upper lip's outer and inner edge, lower lip's inner and outer edge."""
        along = np.clip(np.abs(x) / self.width, 0, 1)
        arc = 1 - along**2
        line = MOUTH_LEVEL + (self.corners - MOUTH_LEVEL) * along**2
        upper, lower = line - 0.2 * self.gap * arc, line + 0.8 * self.gap * arc
        bow = 0.75 + 0.25 * np.minimum(1, (x / (0.3 * self.width)) ** 2)
        return upper - self.lips * arc * bow, upper, lower, lower + 1.15 * self.lips * arc


class Face(NamedTuple):
    """A person's face in one frame."""

    skull: Egg
    eyes: tuple[Eye, Eye]
    brows: tuple[Brow, Brow]
    mouth: Mouth
    nose: Ellipsoid
    nose_tip: Ellipsoid


def face_of(person: Person, expression: Expression) -> Face:
    """The features of a person with an expression."""
    eyes = []
    for side, openness in zip((-1, 1), expression.eyes, strict=True):
        lower, upper = EYE_LEVEL + 0.55 * person.eye_height, EYE_LEVEL - person.eye_height
        lid = lower + (upper - lower) * openness
        middle = side * person.eye_distance
        right, down = expression.gaze
        iris = middle + 0.4 * person.eye_width * right, EYE_LEVEL - 0.012 + 0.025 * down
        eyes.append(Eye(middle, person.eye_width, lid, lower, upper, iris))
    raised = EYE_LEVEL - person.brow_height - 0.07 * expression.brows
    brows = [Brow(1.05 * eye.x, 1.15 * eye.width, raised, 0.05, -np.sign(eye.x)) for eye in eyes]
    mouth = Mouth(
        width=person.mouth_width * (1 + 0.15 * expression.smile - 0.15 * expression.mouth),
        corners=MOUTH_LEVEL - 0.06 * expression.smile,
        gap=0.24 * expression.mouth,
        lips=person.lips,
    )
    egg = skull(person, expression.mouth)
    at_rest = skull(person, 0.0)
    size = person.nose
    bridge = at_rest.front_middle(-0.05)
    tip = at_rest.front_middle(0.09)
    return Face(
        skull=egg,
        eyes=(eyes[0], eyes[1]),
        brows=(brows[0], brows[1]),
        mouth=mouth,
        nose=Ellipsoid((0, -0.08, bridge), (0.085 * size, 0.27, 0.11 * size)),
        nose_tip=Ellipsoid((0, 0.09, tip - 0.02), (0.13 * size, 0.10 * size, 0.16 * size)),
    )


def landmarks(face: Face) -> Floats:
    """The landmarks (K, 3) of a face, on the head's surface, as named in LANDMARKS."""
    points: list[tuple[float, float]] = []
    for eye in face.eyes:
        points += [(eye.x - eye.width, EYE_LEVEL), (eye.x + eye.width, EYE_LEVEL)]
        points += [(eye.x, eye.upper), (eye.x, eye.lower)]
    for brow in face.brows:
        along = np.array([brow.x - brow.width, brow.x, brow.x + brow.width], np.float32)
        points += zip(along.tolist(), brow.height(along).tolist(), strict=True)
    points += [(0.0, EYE_LEVEL), (0.0, face.nose_tip.middle[1])]
    points += [(-face.mouth.width, face.mouth.corners), (face.mouth.width, face.mouth.corners)]
    points += [(0.0, float(line)) for line in face.mouth.lines(np.zeros(()))]
    irises = [eye.iris for eye in face.eyes]
    placed = np.array([*points, (0.0, 0.0), *[(0.0, 0.0)] * 4, (0.0, -0.75), *irises], np.float32)
    depth = face.skull.front(placed[:, 0], placed[:, 1])
    result = np.concatenate((placed, depth[:, None]), -1)
    tip = face.nose_tip
    result[LANDMARKS.index("nose tip"), 2] = tip.middle[2] - tip.axes[2]
    result[LANDMARKS.index("chin")] = (0, *_chin(face.skull))
    for name, level in (("jaw", 0.3), ("temple", EYE_LEVEL)):
        side = face.skull.side(level)
        result[LANDMARKS.index(f"left {name}")] = (-side, level, 0)
        result[LANDMARKS.index(f"right {name}")] = (side, level, 0)
    return result


def _chin(egg: Egg) -> tuple[float, float]:
    """y and z of the front of the chin: a little above the lowest point, where the surface still faces ahead."""
    y = MIDDLE + 0.94 * egg.jaw
    return y, egg.front_middle(y)
