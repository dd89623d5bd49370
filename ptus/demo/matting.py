"""A photo taken apart into the person and what is behind."""

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ptus.images import Mask, Pixels, Plane

BORDER = 0.06
"""Half the width of the band around the person's outline in which the opacity is soft, in face widths."""
TRUST = 0.02
"""Squared contrast between person and background from which the colours decide on the opacity."""
GRAIN = 2.0
"""Standard deviation, in pixels, of the blur that tells texture from colour."""


class Cutout(NamedTuple):
    """Person and background; `person[..., :3] + (1 - person[..., 3:]) * background` is the photo."""

    person: Plane
    """(H, W, 4): red, green and blue times opacity, and the opacity, 0 to 1."""
    background: Plane
    """(H, W, 3): the photo without the person, 0 to 1."""


def cut_out(pixels: Pixels, mask: Mask, face_width: float) -> Cutout:
    """Take a photo apart along the outline of the person.

    Args:
        pixels: the photo (H, W, 3).
        mask: the person (H, W).
        face_width: in pixels; how soft the outline is goes by it.
    """
    reach = max(1, round(BORDER * face_width))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    solid = mask.astype(np.uint8)
    inside = cv2.erode(solid, disc).astype(bool)
    outside = ~cv2.dilate(solid, disc).astype(bool)

    photo = _unit(pixels)
    background = np.clip(_continued(pixels, outside) + _mirrored_grain(photo, outside), 0, 1)
    body = _continued(pixels, inside)
    expected = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), reach / 3)
    # Each pixel of the band is a mixture of both; where they look alike, the distance from the outline decides.
    contrast = body - background
    mixture = ((photo - background) * contrast).sum(-1) + TRUST * expected
    opacity = np.clip(mixture / ((contrast * contrast).sum(-1) + TRUST), 0, 1)
    opacity[inside], opacity[outside] = 1, 0
    colour = photo - (1 - opacity[..., None]) * background
    return Cutout(np.concatenate([colour, opacity[..., None]], -1).astype(np.float32), background)


def _continued(pixels: Pixels, known: Mask) -> Plane:
    """The picture where it is known, continued to where it is not."""
    filled = cv2.inpaint(pixels, (~known).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return _unit(np.asarray(filled))


def _unit(pixels: npt.NDArray[Any]) -> Plane:
    """Levels of 255 as 0 to 1."""
    return (pixels / np.float32(255)).astype(np.float32)


def _mirrored_grain(photo: Plane, known: Mask) -> Plane:
    """What is finer than GRAIN where the photo is known, mirrored at the border to where it is not.

    Inpainting leaves smooth colours, which would show beside canvas, plaster or film grain.
    """
    weight = cv2.GaussianBlur(known.astype(np.float32), (0, 0), GRAIN)[..., None]
    smooth = cv2.GaussianBlur(photo * known[..., None], (0, 0), GRAIN) / np.maximum(weight, 1e-3)
    grain = (photo - smooth) * known[..., None]
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rows, columns = np.nonzero(known)
    nearest = np.zeros((2, int(labels.max()) + 1), np.int64)
    nearest[:, labels[known]] = rows, columns
    row, column = np.indices(known.shape)
    mirrored_row = np.clip(2 * nearest[0, labels] - row, 0, known.shape[0] - 1)
    mirrored_column = np.clip(2 * nearest[1, labels] - column, 0, known.shape[1] - 1)
    mirrored: Plane = grain[mirrored_row, mirrored_column]
    return mirrored * ~known[..., None]
