"""Eyes and mouths moved by a known motion in pictures of which the motion is known: opened, closed, looking elsewhere.

Few people are filmed, each with lids and lips of their own: estimators would learn how open those of these people are.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ptus.model.gaze import CORNERS, WHOLE, iris_shift, lid_arch
from ptus.model.standing import IRISES, OPENINGS
from ptus.training.flat_face import FlatFace
from ptus.training.known import LANDMARKS, KnownMotion

# Lengths are in units of the head's half size, along the head, downwards.
EYE_HALF_WIDTH, ABOVE_EYE, BELOW_EYE = 0.15, 0.13, 0.12
"""Half an eye's width, and how far above and below its lids the skin still moves."""
LOWER_LID = 0.15
"""Share of an eye's closing that its lower lid does."""
LOOKING = 0.6
"""How often eyes look elsewhere, both alike."""
LARGEST_LOOK = 0.08
"""How far irises go from where they were, to either side."""
WIDEST_EYE = 1.25
"""How far eyes open, of how far they were open."""
TOGETHER = 0.7
"""How often both eyes do the same."""
ABOVE_MOUTH, BELOW_CHIN, JAW_WIDTH, CORNER_WIDTH = 0.18, 0.3, 0.35, 0.15
"""How far above the mouth and below the chin the skin still moves, and how far beside chin and corners."""
WIDEST_MOUTH = 0.4
"""How far open, from lip to lip."""
CORNER_UP, CORNER_DOWN, CORNER_IN, CORNER_OUT = 0.08, 0.05, 0.05, 0.06
"""How far a mouth's corners are drawn, smiling or not."""
CORNER_REACH = 0.09
"""How far they take the skin along, σ: hardly to the middle of the lips."""
SHUT = 0.25
"""How often a mouth is closed altogether."""
UPPER_LIP, LOWER_LIP, CORNER, CHIN = -0.15, 0.85, 0.2, 0.65
"""Share of a mouth's opening by which each moves down."""
LEAST_PAINTED, MOST_STRETCHED = 0.06, 1.5
"""How far open a mouth has to be for its inside to be painted, and how many times as far as it was: otherwise what is
there is stretched."""
RIM = 0.012
"""How soft the rim of what is painted is."""
TEETH, TONGUE = 0.6, 0.4
"""How often they are painted."""
TEETH_DOWN_TO = 0.03, 0.25
"""How far below the upper lip teeth are seen."""
_CORNERS = [LANDMARKS.index(name) for name in ("left mouth corner", "right mouth corner")]
_CHIN = LANDMARKS.index("chin")
_IRISES = [LANDMARKS.index(name) for name in IRISES]


def opened(
    picture: Tensor, known: KnownMotion, random: np.random.Generator, *, painted: bool = True
) -> tuple[Tensor, KnownMotion]:
    """Open or close eyes and mouth at random, and let eyes look elsewhere.

    Irises go from side to side, lids slide over eyeballs; lips part from corner to corner, the lower one takes the chin
    along, and the inside of a mouth that was closed is painted: dark, with teeth and tongue or without.

    Args:
        picture: (1, 3, S, S), RGB in [0, 1].
        known: of one frame, with the head's pose, place and size.
        random: what to draw from.
        painted: whether mouths may open so far that their inside has to be painted: of a picture that is to be drawn
            by what is trained it is not to be.

    Returns:
        The same of the changed face.
    """
    face = FlatFace.of(picture, known)
    if face is None:
        return picture, known
    before = face.places.clone()
    *eyes, mouth = OPENINGS
    if random.random() < LOOKING:
        look = random.uniform(-LARGEST_LOOK, LARGEST_LOOK)
        for eye, iris in zip(eyes, _IRISES, strict=True):
            _move_iris(face, eye, iris, look)
    share = random.uniform(0, WIDEST_EYE)
    for eye, iris in zip(eyes, _IRISES, strict=True):
        _open_eye(face, eye, iris, share)
        if random.random() > TOGETHER:
            share = random.uniform(0, WIDEST_EYE)
    _draw_corners(face, random)
    _open_mouth(face, mouth, random, painted)
    return face.picture, face.motion(known, before)


def _move_iris(face: FlatFace, eye: tuple[int, int], iris: int, step: float) -> None:
    """Let an eye look elsewhere, as far as its corners let it."""
    (_, upper), (across, lower), (at, _) = (face.places[point].tolist() for point in (*eye, iris))
    before = min(max(at - across, -WHOLE), WHOLE)
    now = min(max(before + step, -WHOLE), WHOLE)
    right, down = face.points()
    points = (right - across, down - (upper + lower) / 2)
    to_right, to_down = iris_shift(*points, *(torch.tensor(number) for number in (lower - upper, now, before)))
    face.move(right + to_right, down + to_down)
    corners = upper + (0.5 + CORNERS) * (lower - upper)
    bend = lid_arch(torch.tensor([now, before]))
    face.places[iris, 0] += now - before
    face.places[iris, 1] = corners + (face.places[iris, 1] - corners) * max(bend[0] / bend[1], 1.0)


def _open_eye(face: FlatFace, eye: tuple[int, int], iris: int, share: float) -> None:
    """Leave a share of an eye's opening."""
    (across, upper), (_, lower) = (face.places[lid].tolist() for lid in eye)
    height = max(lower - upper, 0.0)
    lower_after = lower - LOWER_LID * (1 - share) * height
    upper_after = lower_after - share * height
    right, down = face.points()
    arch = (1 - ((right - across) / EYE_HALF_WIDTH).square()).clamp(min=0)
    corner = lower - 0.3 * height
    edges, edges_after = (
        [corner + (lid - corner) * arch for lid in lids] for lids in ((upper, lower), (upper_after, lower_after))
    )
    top, bottom = torch.full_like(down, upper - ABOVE_EYE), torch.full_like(down, lower + BELOW_EYE)
    skin = _between(down, [top, *edges_after, bottom], [top, *edges, bottom])
    eyeball = (down > edges_after[0]) & (down < edges_after[1])
    face.move(right, torch.where(eyeball, down, skin) if share < 1 else skin)
    face.places[eye[0], 1], face.places[eye[1], 1] = upper_after, lower_after
    if share > 1:  # what is between lids goes with them
        face.places[iris, 1] = upper_after + share * (face.places[iris, 1] - upper)


def _draw_corners(face: FlatFace, random: np.random.Generator) -> None:
    """Draw the corners of a mouth up or down, both alike, and to the sides, each by itself."""
    right, down = points = face.points()
    lift = random.uniform(-CORNER_UP, CORNER_DOWN)
    for corner, outwards in zip(_CORNERS, (-1, 1), strict=True):
        step = torch.tensor([outwards * random.uniform(-CORNER_IN, CORNER_OUT), lift])
        face.places[corner] += step
        apart = sum((line - at).square() for line, at in zip(points, face.places[corner], strict=True))
        near = torch.exp(apart / (-2 * CORNER_REACH**2))
        right, down = right - step[0] * near, down - step[1] * near
    face.move(right, down)


def _open_mouth(face: FlatFace, mouth: tuple[int, int], random: np.random.Generator, painted: bool) -> None:
    """Part lips as far as chance has it."""
    (across, upper), (_, lower) = (face.places[lip].tolist() for lip in mouth)
    (left, left_down), (right_end, right_down) = (face.places[corner].tolist() for corner in _CORNERS)
    chin_across, chin = face.places[_CHIN].tolist()
    chin = max(chin, lower + 0.1)
    height = max(lower - upper, 0.0)
    stretched = max(LEAST_PAINTED, MOST_STRETCHED * height)
    widest = WIDEST_MOUTH if painted else min(WIDEST_MOUTH, stretched)
    after = 0.0 if random.random() < SHUT else random.uniform(0, widest)
    wider = after - height
    right, down = face.points()
    # Of a turned head the lips' middle is not that between the corners, which lie deeper, and the chin is elsewhere.
    halves = torch.where(right < across, max(across - left, 0.1), max(right_end - across, 0.1))
    beside = (right - across).abs()
    arch = (1 - (beside / halves).square()).clamp(min=0)
    near = torch.exp(-((beside - halves).clamp(min=0) / CORNER_WIDTH).square())
    corner = (left_down + right_down) / 2
    edges = [corner + (lip - corner) * arch for lip in (upper, lower)]
    corner_after = corner + CORNER * wider * near
    lips_after = upper + UPPER_LIP * wider, lower + LOWER_LIP * wider
    edges_after = [corner_after + (lip - corner - CORNER * wider) * arch for lip in lips_after]
    chin_after = chin + CHIN * wider * torch.exp(-((right - chin_across) / JAW_WIDTH).square())
    top, bottom = torch.full_like(down, upper - ABOVE_MOUTH), torch.full_like(down, chin + BELOW_CHIN)
    jaw = torch.full_like(down, chin)
    face.move(right, _between(down, [top, *edges_after, chin_after, bottom], [top, *edges, jaw, bottom]))
    if after > stretched:
        _paint(face, down, edges_after, random)
    face.places[mouth[0], 1], face.places[mouth[1], 1] = lips_after
    face.places[_CORNERS, 1] += CORNER * wider
    face.places[_CHIN, 1] += CHIN * wider


def _between(down: Tensor, after: list[Tensor], before: list[Tensor]) -> Tensor:
    """Where points come from, of lines that come from others: linear between two lines, as they are beyond the last."""
    found = down
    for (low, high), (low_before, high_before) in zip(pairwise(after), pairwise(before), strict=True):
        share = (down - low) / (high - low).clamp(min=1e-6)
        found = torch.where((down >= low) & (down < high), low_before + share * (high_before - low_before), found)
    return found


def _paint(face: FlatFace, down: Tensor, edges: list[Tensor], random: np.random.Generator) -> None:
    """Paint the inside of a mouth between its lips."""
    upper, lower = edges
    share = (down - upper) / (lower - upper).clamp(min=1e-6)
    warm = np.array([1.0, random.uniform(0.4, 0.8), random.uniform(0.4, 0.8)], np.float32)
    colour = torch.from_numpy(random.uniform(0.03, 0.3) * warm).view(3, 1, 1).expand(3, *down.shape)
    if random.random() < TONGUE:
        tongue = torch.from_numpy(random.uniform(0.3, 0.6) * warm).view(3, 1, 1)
        colour = torch.lerp(colour, tongue, ((share - random.uniform(0.4, 0.7)) / 0.2).clamp(0, 1))
    if random.random() < TEETH:
        white = np.array([1.0, 0.95, random.uniform(0.75, 0.95)], np.float32)
        teeth = torch.from_numpy(random.uniform(0.4, 0.95) * white).view(3, 1, 1)
        colour = torch.lerp(colour, teeth, ((random.uniform(*TEETH_DOWN_TO) - (down - upper)) / RIM).clamp(0, 1))
    inside = (torch.minimum(down - upper, lower - down) / RIM).clamp(0, 1)
    face.picture = torch.lerp(face.picture, colour.unsqueeze(0), inside)
