"""The room behind a puppet."""

import cv2
import numpy as np

from ptus.data.puppets.person import Floats, Person


def draw_backdrop(person: Person, side: int) -> Floats:
    """A picture (side, side, 3), 0 to 1: a wall with soft light and a few things on it, out of focus."""
    random = np.random.default_rng((person.seed, 1))
    top, bottom = random.uniform(0.3, 0.85, 3), random.uniform(0.2, 0.7, 3)
    x = np.linspace(0, 1, side, dtype=np.float32)[None, :, None]
    y = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    picture = (1 - y) * top + y * bottom + 0.12 * random.uniform(-1, 1) * (x - 0.5)
    picture = np.ascontiguousarray(picture, np.float32)
    for _ in range(random.integers(4, 10)):
        corner = random.uniform(-0.1, 0.9, 2) * side
        size = random.uniform(0.08, 0.4, 2) * side
        colour = random.uniform(0.1, 0.9, 3).tolist()
        first, last = corner.astype(int).tolist(), (corner + size).astype(int).tolist()
        if random.random() < 0.7:
            cv2.rectangle(picture, first, last, colour, cv2.FILLED)
        else:
            cv2.circle(picture, first, int(size[0] / 2), colour, cv2.FILLED, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), side * random.uniform(0.008, 0.03))
    grain = random.normal(0, 0.012, (side, side, 1)).astype(np.float32)
    return np.asarray(np.clip(picture + cv2.GaussianBlur(grain, (0, 0), 0.8)[..., None], 0, 1), np.float32)
