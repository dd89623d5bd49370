"""Video of high dynamic range and of the gamuts of BT.2020 and Display P3, as phones record it, brought to BT.709."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorTrc

from ptus.images import Pixels, Plane

LEVELS = 4096
"""Steps of the tables: more than the ten or twelve bits of such video."""
WHITE = 203.0
"""Luminance of white on paper in cd/m², which becomes the white of ordinary video (BT.2408)."""
KNEE = 0.8
"""Up to here, of that white, light stays as it is; what is brighter is drawn together above."""
GAMMA = 2.4
"""Of ordinary displays (BT.1886)."""
HLG_PEAK, HLG_SYSTEM_GAMMA = 1000.0, 1.2
"""Luminance of the display that HLG is made for, cd/m², and its gamma over the scene (BT.2100, table 5)."""
BT2020_LUMINANCE: Plane = np.array([0.2627, 0.6780, 0.0593], np.float32)
TO_BT709: dict[int, Plane] = {
    int(ColorPrimaries.BT2020): np.array(
        [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
    ),
    int(ColorPrimaries.SMPTE432): np.array(
        [[1.2249, -0.2249, 0.0], [-0.0421, 1.0421, 0.0], [-0.0196, -0.0786, 1.0982]], np.float32
    ),
}
"""Of linear light, by primaries: from the chromaticities of BT.2020, SMPTE EG 432-1 and BT.709."""

HIGH = frozenset({int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)})


def is_ordinary(transfer: int, primaries: int) -> bool:
    """Whether pictures of this transfer function and these primaries are shown right as they are."""
    return transfer not in HIGH and primaries not in TO_BT709


def ordinary(stored: npt.NDArray[np.uint16], transfer: int, primaries: int) -> Pixels:
    """A picture (H, W, 3) of 16 bits as BT.709 has it.

    Args:
        stored: R'G'B', full range.
        transfer: how it is coded, one of `ColorTrc`.
        primaries: one of `ColorPrimaries`.
    """
    light = _linear(transfer)[stored >> 4]
    if transfer == ColorTrc.ARIB_STD_B67:
        light *= (light @ BT2020_LUMINANCE)[..., None] ** (HLG_SYSTEM_GAMMA - 1) * np.float32(HLG_PEAK / WHITE)
    if primaries in TO_BT709:
        light = light @ TO_BT709[primaries].T
    above = (light - KNEE).clip(0) / (1 - KNEE)
    shown = light.clip(0, KNEE) + (1 - KNEE) * (1 - np.exp(-above))
    pixels: Pixels = _display()[(shown * (LEVELS - 1) + 0.5).astype(np.uint16)]
    return pixels


@lru_cache
def _linear(transfer: int) -> Plane:
    """Light by code, where WHITE is 1; of HLG that of the scene, where its brightest is 1."""
    code = np.arange(LEVELS) / (LEVELS - 1)
    if transfer == ColorTrc.SMPTE2084:  # BT.2100, table 4
        root = code ** (32 / 2523)
        light = 10000 / WHITE * ((root - 0.8359375).clip(0) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305)
    elif transfer == ColorTrc.ARIB_STD_B67:  # BT.2100, table 5
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    else:
        light = code**GAMMA
    return light.astype(np.float32)


@lru_cache
def _display() -> Pixels:
    """Code of ordinary video, 0 to 255, by light."""
    return (255 * (np.arange(LEVELS) / (LEVELS - 1)) ** (1 / GAMMA)).round().astype(np.uint8)
