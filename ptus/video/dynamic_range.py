"""Video of high dynamic range and wide gamut, as phones record it, brought to what all other video is: BT.709."""

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
BT2020_TO_BT709: Plane = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""Linear light (BT.2407, equation 1 of its annex 2)."""

HIGH = frozenset({int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)})
WIDE = int(ColorPrimaries.BT2020)


def is_ordinary(transfer: int, primaries: int) -> bool:
    """Whether pictures of this transfer function and these primaries are shown right as they are."""
    return transfer not in HIGH and primaries != WIDE


def ordinary(stored: npt.NDArray[np.uint16], transfer: int, primaries: int) -> Pixels:
    """A picture (H, W, 3) of 16 bits as BT.709 has it.

    Args:
        stored: R'G'B', full range.
        transfer: how it is coded, one of `ColorTrc`.
        primaries: one of `ColorPrimaries`.
    """
    light = _linear(transfer)[stored >> 4]
    if primaries == WIDE:
        light = light @ BT2020_TO_BT709.T
    shown = np.where(light > KNEE, KNEE + (1 - KNEE) * (1 - np.exp((KNEE - light) / (1 - KNEE))), light.clip(0))
    pixels: Pixels = _display()[(shown * (LEVELS - 1) + 0.5).astype(np.uint16)]
    return pixels


@lru_cache
def _linear(transfer: int) -> Plane:
    """Light by code, where WHITE is 1."""
    code = np.arange(LEVELS) / (LEVELS - 1)
    if transfer == ColorTrc.SMPTE2084:  # BT.2100, table 4
        root = code ** (32 / 2523)
        light = 10000 / WHITE * ((root - 0.8359375).clip(0) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305)
    elif transfer == ColorTrc.ARIB_STD_B67:  # BT.2100, table 5
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        light = HLG_PEAK / WHITE * scene**HLG_SYSTEM_GAMMA
    else:
        light = code**GAMMA
    return light.astype(np.float32)


@lru_cache
def _display() -> Pixels:
    """Code of ordinary video, 0 to 255, by light."""
    return (255 * (np.arange(LEVELS) / (LEVELS - 1)) ** (1 / GAMMA)).round().astype(np.uint8)
