"""Text, colours and pictures on a sheet."""

import cv2
import numpy as np

from ptus.images import Pixels, Plane

INK = (235, 235, 238)
DIM = (150, 152, 160)
PAPER = (24, 25, 29)
OVERSAMPLING = 4


def draw_text(sheet: Pixels, text: str, x: int, y: int, height: int, colour: tuple[int, int, int] = INK) -> None:
    """Write a line on the sheet, its baseline at `y`, capitals of about `height` pixels."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, OVERSAMPLING * height / 21
    thickness = max(1, round(OVERSAMPLING * height / 9))
    (width, rise), drop = cv2.getTextSize(text, font, scale, thickness)
    # OpenCV's strokes are rough at the size of a caption: drawn large, then shrunk.
    sides = [-(-side // OVERSAMPLING) * OVERSAMPLING for side in (rise + drop + 2 * thickness, width + 2 * thickness)]
    canvas = np.zeros(sides, np.uint8)
    cv2.putText(canvas, text, (thickness, rise + thickness), font, scale, 255, thickness, cv2.LINE_AA)
    small = cv2.resize(canvas, (sides[1] // OVERSAMPLING, sides[0] // OVERSAMPLING), interpolation=cv2.INTER_AREA)
    top = y - (rise + thickness) // OVERSAMPLING
    area = sheet[top : top + small.shape[0], x : x + small.shape[1]]
    opacity = small[: area.shape[0], : area.shape[1], None] / np.float32(255)
    area[:] = (area * (1 - opacity) + np.array(colour) * opacity).round()


def flow_colours(flow: Plane, largest: float) -> Pixels:
    """A motion field (H, W, 2) as colours: hue by direction, white where nothing moves, full at `largest` pixels."""
    hue = (np.degrees(np.arctan2(flow[..., 1], flow[..., 0])) % 360) / 2
    strength = np.clip(np.hypot(flow[..., 0], flow[..., 1]) / largest, 0, 1)
    hsv = np.stack([hue, 255 * strength, 255 - 25 * strength], -1).round().astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def flow_wheel(diameter: int) -> tuple[Pixels, Plane]:
    """The legend of `flow_colours`: every direction and strength in a disc, and the disc's opacity (H, W)."""
    axis = np.linspace(-1, 1, diameter, dtype=np.float32)
    directions = np.stack(np.meshgrid(axis, axis), -1)
    radius = np.hypot(directions[..., 0], directions[..., 1])
    opacity = np.clip((1 - radius) * diameter / 2, 0, 1)
    return flow_colours(directions, 1.0), opacity.astype(np.float32)


def paste(sheet: Pixels, picture: Pixels, x: int, y: int, opacity: Plane | None = None) -> None:
    """Put a picture on the sheet, its upper left corner at (x, y)."""
    area = sheet[y : y + picture.shape[0], x : x + picture.shape[1]]
    if opacity is None:
        area[:] = picture
    else:
        area[:] = (area * (1 - opacity[..., None]) + picture * opacity[..., None]).round()
