"""One picture that shows what the video is made of."""

from math import degrees

import cv2
import numpy as np

from ptus.demo.motion import Pose, scripted_pose
from ptus.demo.photo import Photo
from ptus.demo.rendering import Frame, Renderer
from ptus.demo.space import HALF_DEPTH
from ptus.drawing import DIM, PAPER, draw_text, flow_colours, flow_wheel, paste
from ptus.images import Pixels, Plane

COLUMNS = 4
TILE_WIDTH = 400
GAP = 16
CAPTION = 34
TITLE = 84


def contact_sheet(photo: Photo, renderer: Renderer, frames: dict[int, Frame], length: int, fps: int) -> Pixels:
    """Draw the sheet: the photo, its depth, motion field and occlusion map, then frames.

    Args:
        photo: what is animated.
        renderer: of the photo.
        frames: rendered frames by their number.
        length: of the video, frames.
        fps: frames a second.

    Returns:
        (H, W, 3), about 1700 pixels wide.
    """
    most = max(frames, key=lambda number: float(np.hypot(*np.moveaxis(frames[number].flow, -1, 0)).mean()))
    flow = frames[most].flow
    largest = max(1.0, float(np.ceil(np.hypot(flow[..., 0], flow[..., 1]).max())))
    at = f"at {most / fps:.2f} s"
    tiles = [
        ("Source and its 3-D keypoints", _with_keypoints(photo, renderer)),
        ("Depth it is lifted to (bright is near)", _tile(_depth_colours(renderer.lifted.front))),
        (f"Motion field {at}", _with_wheel(_tile(flow_colours(flow, largest)), largest)),
        (f"Occlusion map {at} (white: warped)", _tile(_grey(frames[most].occlusion))),
    ]
    for number, frame in sorted(frames.items()):
        tiles.append((f"{number / fps:.2f} s{_described(scripted_pose(number / length))}", _tile(frame.pixels)))

    height = tiles[0][1].shape[0]
    rows = -(-len(tiles) // COLUMNS)
    shape = (TITLE + rows * (height + CAPTION) + GAP, GAP + COLUMNS * (TILE_WIDTH + GAP), 3)
    sheet = np.full(shape, PAPER, np.uint8)
    draw_text(sheet, "ptus demo", GAP, 38, 20)
    draw_text(sheet, "Synthetic: a still photograph moved by scripted keypoints, without a network", GAP, 66, 12, DIM)
    for index, (caption, tile) in enumerate(tiles):
        x = GAP + index % COLUMNS * (TILE_WIDTH + GAP)
        y = TITLE + index // COLUMNS * (height + CAPTION)
        paste(sheet, tile, x, y)
        draw_text(sheet, caption, x, y + height + 20, 11)
    return sheet


def _tile(pixels: Pixels) -> Pixels:
    height = round(pixels.shape[0] * TILE_WIDTH / pixels.shape[1])
    interpolation = cv2.INTER_AREA if pixels.shape[1] > TILE_WIDTH else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (TILE_WIDTH, height), interpolation=interpolation), dtype=np.uint8)


def _grey(plane: Plane) -> Pixels:
    levels = (255 * np.clip(plane, 0, 1)).round().astype(np.uint8)
    return np.repeat(levels[..., None], 3, -1)


def _depth_colours(front: Plane) -> Pixels:
    """The near parts bright, the background black."""
    person = front < HALF_DEPTH
    nearest, farthest = float(front[person].min()), float(front[person].max())
    nearness = 0.25 + 0.75 * (farthest - front) / max(farthest - nearest, 1e-6)
    levels = (255 * np.where(person, nearness, 0)).round().astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _with_keypoints(photo: Photo, renderer: Renderer) -> Pixels:
    tile = _tile(photo.pixels)
    middle = np.array([photo.face.x + photo.face.width / 2, photo.face.y + photo.face.height / 2])
    scale = TILE_WIDTH / photo.pixels.shape[1]
    for position in renderer.lifted.keypoints:
        x, y = (int(side) for side in (scale * (middle + photo.face.width * position[:2])).round())
        cv2.circle(tile, (x, y), 7, PAPER, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(tile, (x, y), 5, (255, 200, 60), cv2.FILLED, cv2.LINE_AA)
    return tile


def _with_wheel(tile: Pixels, largest: float) -> Pixels:
    diameter = 72
    wheel, opacity = flow_wheel(diameter)
    x, y = TILE_WIDTH - diameter - 12, 12
    paste(tile, wheel, x, y, opacity)
    cv2.circle(tile, (x + diameter // 2, y + diameter // 2), diameter // 2, DIM, 1, cv2.LINE_AA)
    draw_text(tile, f"rim: {largest:.0f} px", x, y + diameter + 18, 9, PAPER)
    return tile


def _described(pose: Pose) -> str:
    """What a pose does, as the end of a caption: its two strongest movements."""
    angles = {
        "turn": (degrees(pose.turn), "left", "right"),
        "nod": (degrees(pose.nod), "up", "down"),
        "tilt": (degrees(pose.tilt), "left", "right"),
        "lean": (degrees(pose.lean), "left", "right"),
    }
    parts = [
        (abs(angle), f"{name} {negative if angle < 0 else positive} {abs(angle):.0f} deg")
        for name, (angle, negative, positive) in angles.items()
    ]
    parts.append((100 * pose.shrug, "shrug"))
    strongest = sorted((part for part in parts if part[0] >= 1), reverse=True)[:2]
    return "".join(f", {text}" for _, text in strongest)
