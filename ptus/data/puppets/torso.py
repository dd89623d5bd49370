"""A torso: a relief of clothes, turned in 3-D and shrugging, open where the neck is."""

from typing import NamedTuple

import cv2
import numpy as np

from ptus.data.puppets.person import Floats, Person
from ptus.data.puppets.solids import shading

WIDTH, TOP, BOTTOM = 1.3, -0.3, 1.7
"""The relief reaches from -WIDTH to WIDTH and from TOP to BOTTOM, in units of the frame, from the base of the neck."""
DETAIL = 200
"""Texels in a unit."""
THICKNESS = 0.30
"""How far the chest comes forward."""
KEYPOINTS = (
    "base of the neck", "left shoulder", "right shoulder", "left collar bone", "right collar bone",
    "left upper arm", "right upper arm", "breast bone", "left chest", "right chest",
)  # fmt: skip
ROUNDS = 3
"""Of the search for the point of the relief that a pixel shows: its depth moves it sideways."""


class Torso(NamedTuple):
    """A person's torso, drawn once."""

    colours: Floats
    """(h, w, 4): RGB times opacity, and opacity, light included."""
    relief: Floats
    """(h, w): z, negative towards the viewer."""
    points: Floats
    """(K, 2): the keypoints, x and y from the base of the neck."""


class TorsoPose(NamedTuple):
    """Where a torso is: x = (point, raised by its share of the shrug) · rotation + translation."""

    rotation: Floats
    translation: Floats
    shrug: float


def draw_torso(person: Person) -> Torso:
    """The torso of a person, at rest."""
    random = np.random.default_rng(person.seed)
    x = ((np.arange(round(2 * WIDTH * DETAIL), dtype=np.float32) + 0.5) / DETAIL - WIDTH)[None]
    y = ((np.arange(round((BOTTOM - TOP) * DETAIL), dtype=np.float32) + 0.5) / DETAIL + TOP)[:, None]
    mask = _silhouette(person, x, y)
    relief = _relief(mask)
    down, right = np.gradient(relief * DETAIL)
    length = np.sqrt(right**2 + down**2 + 1)
    to_light = person.light
    facing = (right * to_light[0] + down * to_light[1] - to_light[2]) / length
    cloth = _cloth(person, x, y, random)
    from_opening = _neckline(person, x, y)
    mask = mask * np.clip(0.5 + DETAIL * from_opening / 2, 0, 1)
    trim = np.clip(1.5 - DETAIL * np.abs(from_opening - 0.015) / 3, 0, 1)[..., None]
    colours = cloth + trim * (0.75 * np.array(person.clothes[1], np.float32) - cloth)
    armpit = np.exp(-(((np.abs(x) - person.shoulders + 0.20 - 0.06 * (y - 0.7)) / 0.018) ** 2)) * np.clip(
        (y - 0.5) / 0.15, 0, 1
    )
    colours = colours * (shading(facing) * (1 - 0.35 * armpit))[..., None]
    side = person.shoulders
    points = [(0, 0), (-0.9 * side, 0.17), (0.9 * side, 0.17), (-0.3, 0.1), (0.3, 0.1), (-0.92 * side, 0.55),
              (0.92 * side, 0.55), (0, 0.35), (-0.3, 0.5), (0.3, 0.5)]  # fmt: skip
    return Torso(
        np.concatenate((colours * mask[..., None], mask[..., None]), -1).astype(np.float32),
        relief,
        np.array(points, np.float32),
    )


def keypoints(torso: Torso, pose: TorsoPose) -> Floats:
    """The keypoints of the body in the frame, (K, 3)."""
    column, row = (torso.points[:, 0] + WIDTH) * DETAIL - 0.5, (torso.points[:, 1] - TOP) * DETAIL - 0.5
    depth = cv2.remap(torso.relief, column[None], row[None], cv2.INTER_LINEAR)[0]
    raised = torso.points[:, 1] - pose.shrug * _shrugging(torso.points[:, 0])
    local = np.stack((torso.points[:, 0], raised, depth), -1)
    return (local @ pose.rotation + pose.translation).astype(np.float32)


def paint_torso(pixels: Floats, torso: Torso, pose: TorsoPose) -> None:
    """Paint a torso on a picture (S, S, 3), over what is there."""
    side = pixels.shape[0]
    top = int(np.clip((pose.translation[1] + TOP + 1) * side / 2, 0, side))
    x = ((np.arange(side, dtype=np.float32) + 0.5) * 2 / side - 1)[None] - pose.translation[0]
    y = ((np.arange(top, side, dtype=np.float32) + 0.5) * 2 / side - 1)[:, None] - pose.translation[1]
    turn = pose.rotation
    inverse = np.linalg.inv(turn[:2, :2])
    depth: Floats = np.zeros((side - top, side), np.float32)
    for _ in range(ROUNDS):
        right, down = x - depth * turn[2, 0], y - depth * turn[2, 1]
        local_x = right * inverse[0, 0] + down * inverse[1, 0]
        local_y = right * inverse[0, 1] + down * inverse[1, 1] + pose.shrug * _shrugging(local_x)
        column, row = (local_x + WIDTH) * DETAIL - 0.5, (local_y - TOP) * DETAIL - 0.5
        depth = np.asarray(
            cv2.remap(torso.relief, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
    layer = cv2.remap(torso.colours, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    below = pixels[top:]
    below *= 1 - layer[..., 3:]
    below += layer[..., :3]


def _shrugging(x: Floats) -> Floats:
    """Share of the shrug that raises a point: none at the neck, all at the shoulders."""
    ramp = np.clip((np.abs(x) - 0.12) / 0.4, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def _silhouette(person: Person, x: Floats, y: Floats) -> Floats:
    """Opacity (h, w) of the torso: sloping shoulders, arms."""
    side = person.shoulders
    outline = [(0.20, -0.05), (0.22, 0.00), (0.45 * side + 0.05, 0.07), (0.85 * side, 0.16), (1.0 * side, 0.30),
               (1.07 * side, 0.62), (1.10 * side, 1.0), (1.10 * side, BOTTOM + 0.3)]  # fmt: skip
    right = np.array([((px + WIDTH) * DETAIL, (py - TOP) * DETAIL) for px, py in outline])
    left = np.array([((WIDTH - px) * DETAIL, (py - TOP) * DETAIL) for px, py in reversed(outline)])
    # Taller than the relief, so that its lower end isn't rounded off.
    tall = np.zeros((y.size + 80, x.size), np.uint8)
    cv2.fillPoly(tall, [np.concatenate((right, left)).round().astype(np.int32)], 255)
    rounded = cv2.GaussianBlur(tall, (0, 0), 0.05 * DETAIL).astype(np.float32)[: y.size] / 255
    return np.asarray(np.clip((rounded - 0.5) * 9 + 0.5, 0, 1), np.float32)


def _relief(mask: Floats) -> Floats:
    """z (h, w): rounded off towards the silhouette, flat in the middle, as if inflated."""
    solid = np.pad((mask > 0.5).astype(np.uint8), ((0, 200), (0, 0)), mode="edge")
    away = cv2.distanceTransform(solid, cv2.DIST_L2, 5)[: mask.shape[0]] / DETAIL
    near = np.minimum(away / 0.45, 1)
    return np.asarray(cv2.GaussianBlur(-THICKNESS * np.sqrt(near * (2 - near)), (0, 0), 0.03 * DETAIL), np.float32)


def _cloth(person: Person, x: Floats, y: Floats, random: np.random.Generator) -> Floats:
    """Colours (h, w, 3) of the clothes."""
    base, other = (np.array(colour, np.float32) for colour in person.clothes)
    size, turn = random.uniform(0.07, 0.16), random.uniform(0, np.pi)
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / size, (y * np.cos(turn) - x * np.sin(turn)) / size
    if person.pattern == "stripes":
        share = 0.5 + 0.5 * np.clip(4 * np.sin(np.pi * u), -1, 1)
    elif person.pattern == "checks":
        share = 0.25 * (2 + np.clip(4 * np.sin(np.pi * x / size), -1, 1) + np.clip(4 * np.sin(np.pi * y / size), -1, 1))
    elif person.pattern == "dots":
        share = np.clip(4 * (0.30 - np.hypot(u - np.round(u), v - np.round(v))) + 0.5, 0, 1)
    else:
        share = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    weave = random.normal(0, 0.02, share.shape).astype(np.float32)
    colours = base + share[..., None] * (0.75 * other + 0.25 * base - base) + weave[..., None]
    if person.neckline == "collar":
        buttons = np.hypot(x, (y + 0.02) % 0.24 - 0.12) - 0.018
        line = np.abs(x - 0.035) - 0.004
        for distance, strength in ((line, 0.5), (np.where(y > 0.2, buttons, 1), 0.9)):
            alpha = strength * np.clip(0.5 - DETAIL * distance / 2, 0, 1)[..., None]
            colours = colours + alpha * (0.4 * base - colours)
    return np.asarray(np.clip(colours, 0, 1), np.float32)


def _neckline(person: Person, x: Floats, y: Floats) -> Floats:
    """Distance (h, w) from the edge of the clothes' opening, negative within it."""
    if person.neckline == "round":
        return np.asarray(0.2 * (np.hypot(x / 0.195, (y + 0.06) / 0.18) - 1), np.float32)
    depth = 0.40 if person.neckline == "v" else 0.26
    return np.asarray(0.8 * (np.abs(x) - 0.19 * (1 - (y + 0.06) / depth)), np.float32)
