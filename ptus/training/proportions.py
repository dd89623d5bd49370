"""Faces given other proportions by a known motion: few people are filmed, and each has eyes and a mouth of one's own.

In both frames of a pair the face becomes the same other one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ptus.training.flat_face import FlatFace
from ptus.training.known import LANDMARKS, KnownMotion

# Lengths are in units of the head's half size, along the head, to the right and down.
LARGEST_ENLARGEMENT = 0.2  # a logarithm
ITERATIONS = 8
"""Until a landmark is found where the picture has it: each leaves a third of the error or so."""


@dataclass(frozen=True)
class Feature:
    """A part of the face that has a place and a size of its own.

    Args:
        words: those landmarks belong to it whose names have one of them, on both sides of the face.
        reach: how far around their middle it takes the skin along, σ.
        out: the largest step away from the face's middle line, of parts that come in pairs.
        down: the largest step down or up.
        grows: whether its size changes.
    """

    words: tuple[str, ...]
    reach: float
    out: float = 0.0
    down: float = 0.0
    grows: bool = False

    def landmarks(self, side: str) -> list[int]:
        """Numbers of its landmarks that have this word in their name."""
        return [
            number
            for number, name in enumerate(LANDMARKS)
            if side in name and any(word in name.split() for word in self.words)
        ]


PAIRED = (
    Feature(("lid",), reach=0.17, out=0.05, down=0.05, grows=True),
    Feature(("brow",), reach=0.15, down=0.05),
    Feature(("jaw",), reach=0.25, out=0.07),
)
SINGLE = (
    Feature(("mouth", "lip"), reach=0.25, down=0.06, grows=True),
    Feature(("nose",), reach=0.16, down=0.06, grows=True),
    Feature(("chin",), reach=0.25, down=0.08),
)


@dataclass(frozen=True)
class Change:
    """What a feature becomes.

    Args:
        landmarks: the middle of these is its own.
        reach: how far around it the skin is taken along, σ.
        step: to the right and down, (2,).
        growth: what its width and height are multiplied by, (2,).
    """

    landmarks: list[int]
    reach: float
    step: Tensor
    growth: Tensor


Frame = tuple[Tensor, KnownMotion]
"""A picture, (1, 3, S, S), RGB in [0, 1], and what is known of it, with the head's pose, place and size."""


def of_other_proportions(frames: Sequence[Frame], random: np.random.Generator) -> list[Frame]:
    """Give the face another place and size of eyes, brows, nose, mouth, chin and jaws.

    Args:
        frames: of one person.
        random: what to draw from.

    Returns:
        The same of one other face; as they were where one of them shows the head from the side.
    """
    changes = _drawn(random)
    faces = [FlatFace.of(picture, known) for picture, known in frames]
    if any(face is None for face in faces):
        return list(frames)
    return [_changed(face, known, changes) for face, (_, known) in zip(faces, frames, strict=True) if face is not None]


def _drawn(random: np.random.Generator) -> list[Change]:
    """What becomes of each feature, the same on both sides."""
    changes = []
    for feature in (*PAIRED, *SINGLE):
        out, down = random.uniform(-feature.out, feature.out), random.uniform(-feature.down, feature.down)
        growth = np.exp(feature.grows * random.uniform(-LARGEST_ENLARGEMENT, LARGEST_ENLARGEMENT, 2))
        for side, outwards in (("left", -1), ("right", 1)) if feature in PAIRED else (("", 0),):
            step = torch.tensor([outwards * out, down], dtype=torch.float32)
            growths = torch.from_numpy(growth.astype(np.float32))
            changes.append(Change(feature.landmarks(side), feature.reach, step, growths))
    return changes


def _changed(face: FlatFace, known: KnownMotion, changes: Sequence[Change]) -> Frame:
    before = face.places
    right, down = face.points()
    to_right, to_down = _displacement(right, down, changes, before)
    face.move(right - to_right, down - to_down)
    face.places = _moved(before, changes)
    canonical = known.canonical[0, :, :2]
    elsewhere = pad(_moved(canonical, changes) - canonical, (0, 1))
    return face.picture, replace(face.motion(known, before), canonical=known.canonical + elsewhere)


def _displacement(right: Tensor, down: Tensor, changes: Sequence[Change], places: Tensor) -> tuple[Tensor, Tensor]:
    """How far to the right and down what is at points of the changed face came, whose landmarks were at `places`."""
    to_right, to_down = torch.zeros_like(right), torch.zeros_like(down)
    for change in changes:
        middle_right, middle_down = (places[change.landmarks].mean(dim=0) + change.step).tolist()
        step_right, step_down = change.step.tolist()
        wider, higher = (1 - 1 / change.growth).tolist()
        beside, below = right - middle_right, down - middle_down
        near = torch.exp((beside.square() + below.square()) / (-2 * change.reach**2))
        to_right += near * (step_right + wider * beside)
        to_down += near * (step_down + higher * below)
    return to_right, to_down


def _moved(places: Tensor, changes: Sequence[Change]) -> Tensor:
    """Where landmarks (N, 2) go: p - displacement(p) is where they were, solved by fixed-point iteration."""
    found = places
    for _ in range(ITERATIONS):
        right, down = found.unbind(dim=1)
        found = places + torch.stack(_displacement(right, down, changes, places), dim=1)
    return found
