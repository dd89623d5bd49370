"""How near a result is to the true frame, pixel by pixel: L1, PSNR, SSIM and MS-SSIM."""

import math

import numpy as np
import torch
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from ptus.evaluation.moments import Moment, Values, as_tensor
from ptus.evaluation.regions import means, named
from ptus.images import Plane

MOST_DB = 100.0
"""PSNR of equal pictures, which would be infinite, and the most that is reported."""
LEAST_SIDE = 161
"""MS-SSIM halves a picture four times and then compares windows of 11×11 pixels: smaller ones are not measured."""


def photometric(moment: Moment) -> Values:
    """L1 (0 to 1), PSNR (dB) and SSIM over the frame and each region; MS-SSIM over frames that are large enough.

    Regions are those of the driver's face. SSIM of a region is the mean of the frame's SSIM map there.
    """
    difference = (moment.result.astype(np.float32) - moment.driving) / 255
    face = moment.driving_face
    squared = means((difference * difference).mean(-1), face)
    values = named("l1", means(np.abs(difference).mean(-1), face))
    values |= named("psnr", {region: _decibels(error) for region, error in squared.items()})
    values |= named("ssim", means(_ssim_map(moment), face))
    if min(moment.driving.shape[:2]) >= LEAST_SIDE:
        pictures = as_tensor(moment.result), as_tensor(moment.driving)
        values["ms_ssim"] = float(multiscale_structural_similarity_index_measure(*pictures, data_range=1.0))
    return values


def _decibels(squared_error: float) -> float:
    return min(MOST_DB, -10 * math.log10(squared_error)) if squared_error > 0 else MOST_DB


def _ssim_map(moment: Moment) -> Plane:
    """SSIM of each pixel's surroundings (Gaussian of 1.5 pixels), the mean of the channels: (H, W)."""
    pictures = as_tensor(moment.result), as_tensor(moment.driving)
    measured = structural_similarity_index_measure(*pictures, data_range=1.0, return_full_image=True)
    if not isinstance(measured, tuple):
        raise TypeError("torchmetrics: expected the full map of SSIM")
    full: torch.Tensor = measured[1]
    return full[0].mean(0).numpy()
