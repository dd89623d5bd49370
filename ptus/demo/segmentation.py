"""Which pixels of a portrait are the person."""

import cv2
import numpy as np
import numpy.typing as npt

from ptus.demo.space import FaceSpace, Points
from ptus.images import Mask, Pixels

WORKING_SIDE = 320
ROUNDS = 6


def person_mask(pixels: Pixels, space: FaceSpace) -> Mask:
    """The person whose face is at the middle of `space`: GrabCut, told by the face where to expect head and body.

    Args:
        pixels: the photo (H, W, 3).
        space: coordinates of the photo's own size.

    Returns:
        (H, W), true on the person: one connected region without holes that contains the head.
    """
    x, y = space.pixel_grid()
    labels = np.full(x.shape, cv2.GC_PR_BGD, np.uint8)
    shoulders = np.clip(0.35 + 1.3 * (y - 0.55), 0.35, 1.35)
    labels[_ellipse(x, y + 0.1, 0.75, 0.95) | ((y > 0.5) & (np.abs(x) < shoulders))] = cv2.GC_PR_FGD
    chest = np.clip(0.15 + 0.6 * (y - 0.9), 0.15, 0.5)
    labels[_ellipse(x, y, 0.42, 0.6) | ((y > 0.4) & (np.abs(x) < chest))] = cv2.GC_FGD
    reach = 1.6 + 2.0 * np.maximum(y - 0.35, 0)
    labels[(y < max(-1.3, y.min() + 0.02)) | (np.abs(x) > reach)] = cv2.GC_BGD
    person = _grab_cut(pixels, labels)

    rows, columns = _extent(y[:, 0], -1.5, 0.6), _extent(x[0], -1.9, 1.9)
    near = np.ascontiguousarray(pixels[rows, columns])
    person[rows, columns] |= _head(near, x[rows, columns], y[rows, columns])
    return _whole(person, space)


def _head(pixels: Pixels, x: Points, y: Points) -> Mask:
    """Head and hair, which are told better from what is right behind them than from everything in the picture."""
    beyond = (y < max(-1.25, y.min() + 0.02)) | (np.abs(x) > 1.6)
    for half_width, half_height in ((1.3, 1.05), (0.75, 0.9)):
        labels = np.full(x.shape, cv2.GC_PR_BGD, np.uint8)
        labels[_ellipse(x, y + 0.15, half_width, half_height)] = cv2.GC_PR_FGD
        labels[_ellipse(x, y + 0.15, 0.42, 0.7)] = cv2.GC_FGD
        labels[beyond] = cv2.GC_BGD
        head = _grab_cut(pixels, labels) & (y < 0.6)
        # Wide hair or a veil ends somewhere. What goes on to where no hair can be is the wall: look closer to the face.
        edge = (np.abs(x) > 1.5) | (y < max(-1.15, y.min() + 0.05))
        if not (head & edge).any():
            break
    return head


def _grab_cut(pixels: Pixels, labels: npt.NDArray[np.uint8]) -> Mask:
    """The foreground by GrabCut, found in a small copy of the picture."""
    scale = min(1.0, WORKING_SIDE / max(labels.shape))
    size = (round(labels.shape[1] * scale), round(labels.shape[0] * scale))
    small = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    picture = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    unknown = np.zeros((1, 65))
    cv2.setRNGSeed(0)  # GrabCut starts its colour models by a random clustering
    no_box = (0, 0, 0, 0)
    small = cv2.grabCut(picture, small, no_box, unknown, unknown.copy(), ROUNDS, cv2.GC_INIT_WITH_MASK)[0]
    found = ((small == cv2.GC_FGD) | (small == cv2.GC_PR_FGD)).astype(np.float32)
    return np.asarray(cv2.resize(found, labels.shape[::-1], interpolation=cv2.INTER_CUBIC) > 0.5)


def _extent(axis: Points, low: float, high: float) -> slice:
    """Where an ascending axis lies between two values."""
    start, stop = np.searchsorted(axis, (low, high))
    return slice(int(start), int(stop))


def _whole(person: Mask, space: FaceSpace) -> Mask:
    """The region around the face, without gaps, holes and whiskers."""
    radius = max(1, round(0.06 * space.face.width))
    # Padded by what is at the border: a body that leaves the picture is not rounded off there.
    pad = 3 * radius
    padded = cv2.copyMakeBorder(person.astype(np.uint8), pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    # Rather too wide in the end than too narrow: a strip of wall that moves is seen less than a lock that stays.
    for operation, size in ((cv2.MORPH_CLOSE, 2 * radius), (cv2.MORPH_OPEN, radius), (cv2.MORPH_DILATE, radius // 2)):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
        padded = cv2.morphologyEx(padded, operation, disc)
    inner = padded[pad:-pad, pad:-pad]
    regions = cv2.connectedComponents(inner)[1]
    column = round(space.face.x + space.face.width / 2)
    row = round(space.face.y + space.face.height / 2)
    inner = (regions == regions[row, column]).astype(np.uint8)
    outline, _ = cv2.findContours(inner, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(inner), outline, -1, 1, cv2.FILLED) > 0)


def _ellipse(x: Points, y: Points, half_width: float, half_height: float) -> Mask:
    inside: Mask = (x / half_width) ** 2 + (y / half_height) ** 2 < 1
    return inside
