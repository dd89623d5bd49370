"""Solids cast by parallel rays: where each pixel's ray first meets them, and which way the surface faces there."""

from typing import NamedTuple

import numpy as np

from ptus.data.puppets.person import Colour, Floats, Person
from ptus.images import Mask

MIDDLE = -0.15
"""Height of the egg's middle, y, in the head's units."""
ROUNDS = 5
"""Of the search for where a ray meets the egg, whose taper makes the equation cubic. Where it leaves is not searched
anew: of the far side only hair is seen."""


class Pose(NamedTuple):
    """Where a head is: x = scale (x_head · rotation) + translation, in [-1, 1] of the frame."""

    rotation: Floats
    """(3, 3), for row vectors."""
    translation: Floats
    """(3,)."""
    scale: float

    def place(self, points: Floats) -> Floats:
        """Points (..., 3) of the head in the frame."""
        return (self.scale * (points @ self.rotation) + self.translation).astype(np.float32)


class Rays(NamedTuple):
    """The rays of a part of a canvas, in the head's coordinates: origins and one direction."""

    rows: slice
    columns: slice
    origin: tuple[Floats, Floats, Floats]
    direction: tuple[float, float, float]


class Hits(NamedTuple):
    """Where rays meet a solid. Coordinates and normals are in the head's space, each (h, w)."""

    rows: slice
    columns: slice
    met: Mask
    """Whether they do."""
    depth: Floats
    """Along the ray, in the head's units; comparable among solids of one head."""
    far: Floats
    """Along the ray, where it leaves the solid."""
    point: tuple[Floats, Floats, Floats]
    normal: tuple[Floats, Floats, Floats]


class Ellipsoid(NamedTuple):
    """An ellipsoid along the head's axes."""

    middle: tuple[float, float, float]
    axes: tuple[float, float, float]

    def meet(self, rays: Rays) -> Hits:
        """Where rays meet it."""
        origin = [(o - m) / a for o, m, a in zip(rays.origin, self.middle, self.axes, strict=True)]
        step = [d / a for d, a in zip(rays.direction, self.axes, strict=True)]
        along = sum(d * d for d in step)
        half = origin[0] * step[0] + origin[1] * step[1] + origin[2] * step[2]
        left = half * half - along * (origin[0] ** 2 + origin[1] ** 2 + origin[2] ** 2 - 1)
        root = np.sqrt(np.maximum(left, 0))
        depth, far = (-half - root) / along, (root - half) / along
        x, y, z = (o + depth * d for o, d in zip(rays.origin, rays.direction, strict=True))
        slopes = [(p - m) / a**2 for p, m, a in zip((x, y, z), self.middle, self.axes, strict=True)]
        return Hits(rays.rows, rays.columns, left > 0, depth, far, (x, y, z), _unit(slopes))


class Egg(NamedTuple):
    """A skull: an ellipsoid whose lower half is longer or shorter than the upper and narrows towards the chin.

    (x / a(y))² + ((y - MIDDLE) / b)² + (z / c(y))² = 1, where a and c shrink by taper · u² below the middle,
    u = (y - MIDDLE) / b, and b is `crown` above the middle and `jaw` below.
    """

    width: float
    depth: float
    crown: float
    jaw: float
    taper: float

    def front(self, x: Floats, y: Floats) -> Floats:
        """z of the surface that faces ahead, where there is one."""
        height, narrow = self._height(y)
        inside = 1 - height**2 - (x / (self.width * narrow)) ** 2
        return np.asarray(-self.depth * narrow * np.sqrt(np.maximum(0, inside)), np.float32)

    def front_middle(self, y: float) -> float:
        """z of the surface in the middle of the face."""
        return float(self.front(np.zeros(()), np.array(y)))

    def side(self, y: float) -> float:
        """x of the surface beside the middle plane z = 0."""
        height, narrow = self._height(np.array(y))
        return float(self.width * narrow * np.sqrt(1 - height**2))

    def meet(self, rays: Rays) -> Hits:
        """Where rays meet it."""
        (ox, oy, oz), (dx, dy, dz) = rays.origin, rays.direction
        y = oy
        for _ in range(ROUNDS):
            height, narrow = self._height(y)
            half_y = np.where(y < MIDDLE, np.float32(self.crown), np.float32(self.jaw))
            across, deep = 1 / (self.width * narrow) ** 2, 1 / (self.depth * narrow) ** 2
            up = 1 / half_y**2
            along = dx * dx * across + dy * dy * up + dz * dz * deep
            half = ox * (dx * across) + (oy - MIDDLE) * (dy * up) + oz * (dz * deep)
            left = half * half - along * (ox * ox * across + (oy - MIDDLE) ** 2 * up + oz * oz * deep - 1)
            root = np.sqrt(np.maximum(left, 0))
            depth = (-half - root) / along
            y = oy + depth * dy
        far = (root - half) / along
        x, z = ox + depth * dx, oz + depth * dz
        shrink = np.where(y > MIDDLE, -2 * self.taper * height / half_y, 0) / narrow**3
        slope_y = (y - MIDDLE) * up - shrink * ((x / self.width) ** 2 + (z / self.depth) ** 2)
        return Hits(rays.rows, rays.columns, left > 0, depth, far, (x, y, z), _unit([x * across, slope_y, z * deep]))

    def _height(self, y: Floats) -> tuple[Floats, Floats]:
        """Height of y, -1 at the crown to 1 at the chin, and how much narrower the egg is there."""
        height = (y - MIDDLE) / np.where(y < MIDDLE, np.float32(self.crown), np.float32(self.jaw))
        height = np.clip(height, -1, 1)
        return height, 1 - self.taper * np.maximum(height, 0) ** 2


class Canvas:
    """A picture that solids are painted on, the nearest in front.

    Args:
        backdrop: (S, S, 3), RGB from 0 to 1; copied.
        light: towards it, in the frame, a unit vector.
    """

    def __init__(self, backdrop: Floats, light: Floats) -> None:
        self.pixels = backdrop.copy()
        self.side = backdrop.shape[0]
        self.light = light
        self.depth = np.full(backdrop.shape[:2], np.inf, np.float32)

    def part(self, middle: Floats, reach: float) -> tuple[slice, slice]:
        """Rows and columns of the square around a point of the frame (x, y, …), as far as it is on the canvas."""
        low, high = (np.clip((middle[:2] + end + 1) * self.side / 2, 0, self.side) for end in (-reach, reach))
        return slice(int(low[1]), int(np.ceil(high[1]))), slice(int(low[0]), int(np.ceil(high[0])))

    def rays(self, pose: Pose, middle: tuple[float, float, float], reach: float) -> Rays:
        """Rays around a point of the head, as far as `reach`, in the head's units."""
        rows, columns = self.part(pose.place(np.array(middle, np.float32)), reach * pose.scale)
        x = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * 2 / self.side - 1)[None]
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * 2 / self.side - 1)[:, None]
        right, down = (x - pose.translation[0]) / pose.scale, (y - pose.translation[1]) / pose.scale
        turn = pose.rotation
        ox, oy, oz = (right * turn[axis, 0] + down * turn[axis, 1] for axis in range(3))
        return Rays(rows, columns, (ox, oy, oz), (float(turn[0, 2]), float(turn[1, 2]), float(turn[2, 2])))

    def paint(self, hits: Hits, pose: Pose, colours: Floats | Colour, shown: Mask | None = None) -> None:
        """Paint what is seen of a solid.

        Args:
            hits: where the rays meet it.
            pose: of the head that it is part of.
            colours: (h, w, 3), or one for all.
            shown: which part of it there is, (h, w); None for all.
        """
        before = self.depth[hits.rows, hits.columns]
        seen = hits.met & (hits.depth < before)
        if shown is not None:
            seen &= shown
        to_light = pose.rotation @ self.light
        facing = sum(normal[seen] * side for normal, side in zip(hits.normal, to_light, strict=True))
        colours = np.asarray(colours, np.float32)
        albedo = colours[seen] if colours.ndim == 3 else colours
        self.pixels[hits.rows, hits.columns][seen] = albedo * shading(facing)[:, None]
        before[seen] = hits.depth[seen]


def shading(facing: Floats) -> Floats:
    """Brightness of a surface by the cosine between its normal and the light: soft, as in a room."""
    return np.asarray(0.42 + 0.62 * np.clip(0.35 + 0.65 * facing, 0, 1), np.float32)


def skull(person: Person, mouth: float) -> Egg:
    """A person's head with the mouth open from 0 to 1, which lowers the jaw."""
    return Egg(person.width, person.depth, person.crown, person.jaw + 0.12 * mouth, person.taper)


def _unit(slopes: list[Floats]) -> tuple[Floats, Floats, Floats]:
    x, y, z = slopes
    length = 1 / np.sqrt(np.maximum(x * x + y * y + z * z, 1e-12))
    return x * length, y * length, z * length
