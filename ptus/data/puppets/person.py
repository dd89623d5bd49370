"""Who a puppet is: the shape and colours of one person and their room."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Colour: TypeAlias = tuple[float, float, float]
"""RGB, 0 to 1."""
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
"""Any numbers; arrays the size of pictures are float32."""

SKINS = ((0.98, 0.84, 0.74), (0.94, 0.76, 0.62), (0.83, 0.63, 0.47), (0.66, 0.46, 0.33), (0.47, 0.31, 0.22))
HAIRS = ((0.10, 0.08, 0.08), (0.22, 0.14, 0.09), (0.42, 0.26, 0.14), (0.72, 0.53, 0.28), (0.62, 0.26, 0.12),
         (0.62, 0.61, 0.60))  # fmt: skip
IRISES = ((0.30, 0.20, 0.12), (0.22, 0.36, 0.58), (0.26, 0.42, 0.28), (0.38, 0.40, 0.42))


@dataclass(frozen=True)
class Person:
    """One puppet. Lengths are in the head's units, colours RGB from 0 to 1.

    Args:
        width: half the head's width.
        crown: from the egg's middle up to the top of the skull.
        jaw: from the egg's middle down to the chin, mouth closed.
        depth: half the head's depth.
        taper: how much narrower the jaw is than an ellipsoid's.
        eye_distance: from the middle of the face to that of an eye.
        eye_width: half of it.
        eye_height: from an open eye's middle to its upper lid.
        brow_height: of the brows' ends above the eyes' middle.
        brow_thickness: half of it.
        mouth_width: half of it, at rest.
        lips: thickness of one.
        nose: size, 1 is usual.
        fringe: the hairline's height in the middle of the forehead, y.
        sides: how far down the hair reaches at the sides, y.
        long_hair: whether it falls on the shoulders.
        bald: no hair at all.
        glasses: whether they are worn.
        beard: opacity of stubble.
        skin: colour.
        hair: colour.
        iris: colour.
        lip: colour.
        clothes: two colours, cloth and pattern.
        pattern: of the cloth: plain, stripes, checks or dots.
        neckline: v, round or collar.
        shoulders: half their width, in units of the frame.
        light: towards it, in the frame, a unit vector (x, y, z).
        seed: of what is drawn at random: strands, the room.
        voice: pitch, Hz.
    """

    width: float
    crown: float
    jaw: float
    depth: float
    taper: float
    eye_distance: float
    eye_width: float
    eye_height: float
    brow_height: float
    brow_thickness: float
    mouth_width: float
    lips: float
    nose: float
    fringe: float
    sides: float
    long_hair: bool
    bald: bool
    glasses: bool
    beard: float
    skin: Colour
    hair: Colour
    iris: Colour
    lip: Colour
    clothes: tuple[Colour, Colour]
    pattern: str
    neckline: str
    shoulders: float
    light: Floats
    seed: int
    voice: float


def make_person(random: np.random.Generator) -> Person:
    """Another person for every state of the generator."""
    long_hair = bool(random.random() < 0.45)
    skin = _near(SKINS[random.integers(len(SKINS))], 0.03, random)
    light = np.array([random.uniform(-0.7, 0.7), random.uniform(-0.8, -0.3), -1.0], np.float32)
    return Person(
        width=random.uniform(0.60, 0.69),
        crown=random.uniform(0.88, 0.98),
        jaw=random.uniform(0.76, 0.86),
        depth=random.uniform(0.72, 0.80),
        taper=random.uniform(0.02, 0.18),
        eye_distance=random.uniform(0.25, 0.30),
        eye_width=random.uniform(0.15, 0.18),
        eye_height=random.uniform(0.085, 0.115),
        brow_height=random.uniform(0.20, 0.26),
        brow_thickness=random.uniform(0.020, 0.042),
        mouth_width=random.uniform(0.20, 0.27),
        lips=random.uniform(0.045, 0.075),
        nose=random.uniform(0.85, 1.2),
        fringe=random.uniform(-0.88, -0.66),
        sides=random.uniform(0.35, 0.6) if long_hair else random.uniform(-0.25, 0.1),
        long_hair=long_hair,
        bald=bool(not long_hair and random.random() < 0.12),
        glasses=bool(random.random() < 0.25),
        beard=random.uniform(0.2, 0.6) if not long_hair and random.random() < 0.45 else 0.0,
        skin=skin,
        hair=_near(HAIRS[random.integers(len(HAIRS))], 0.03, random),
        iris=_near(IRISES[random.integers(len(IRISES))], 0.03, random),
        lip=_near((0.62 * skin[0] + 0.16, 0.45 * skin[1] + 0.02, 0.45 * skin[2] + 0.04), 0.04, random),
        clothes=(_any_colour(random), _any_colour(random)),
        pattern=str(random.choice(["plain", "stripes", "checks", "dots"])),
        neckline=str(random.choice(["v", "round", "collar"])),
        shoulders=random.uniform(0.66, 0.82),
        light=(light / np.linalg.norm(light)).astype(np.float32),
        seed=int(random.integers(2**31)),
        voice=random.uniform(170, 230) if long_hair else random.uniform(95, 150),
    )


def _near(colour: Colour, spread: float, random: np.random.Generator) -> Colour:
    red, green, blue = np.clip(np.array(colour) + random.normal(0, spread, 3), 0.02, 0.99).tolist()
    return red, green, blue


def _any_colour(random: np.random.Generator) -> Colour:
    """Of moderate brightness and saturation, as cloth is."""
    grey, tint = random.uniform(0.15, 0.85), random.uniform(-0.25, 0.25, 3)
    red, green, blue = np.clip(grey + tint, 0.05, 0.95).tolist()
    return red, green, blue
