"""Video as phones record it: of high dynamic range, of wide gamut."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.reformatter import ColorRange

from ptus.video import VideoReader, dynamic_range

LINEAR_709_IN_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


LINEAR_709_IN_P3 = np.array([[0.8225, 0.1775, 0.0], [0.0332, 0.9668, 0.0], [0.0171, 0.0724, 0.9105]])


def _as_ordinary(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return light ** (1 / 2.4)


def _as_pq(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The code of light where 1 is 203 cd/m² (BT.2100, table 4)."""
    power = (light * 203 / 10000) ** (1305 / 8192)
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32)


def _as_hlg(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same (BT.2100, table 5), as a display of 1,000 cd/m² shows it, of R, G and B in the last axis."""
    shown = light * 203 / 1000
    luminance = shown @ np.array([0.2627, 0.6780, 0.0593])
    scene: npt.NDArray[np.float64] = shown * (luminance ** (1 / 1.2 - 1))[..., None]
    above = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    code: npt.NDArray[np.float64] = np.where(scene <= 1 / 12, np.sqrt(3 * scene), above)
    return code


@pytest.mark.parametrize(
    ("transfer", "encode", "primaries", "gamut"),
    [
        (16, _as_pq, 9, LINEAR_709_IN_2020),
        (18, _as_hlg, 9, LINEAR_709_IN_2020),
        (14, _as_ordinary, 9, LINEAR_709_IN_2020),
        (1, _as_ordinary, 12, LINEAR_709_IN_P3),
    ],
    ids=["PQ", "HLG", "BT.2020", "Display P3"],
)
def test_high_range_and_wide_gamut_look_as_ordinary_video(
    tmp_path: Path,
    transfer: int,
    encode: Callable[..., npt.NDArray[np.float64]],
    primaries: int,
    gamut: npt.NDArray[np.float64],
) -> None:
    ordinary = np.full((48, 64, 3), (190, 120, 60), np.uint8)
    ordinary[:, 32:] = (40, 90, 150)
    code = encode((ordinary / 255) ** 2.4 @ gamut.T)
    with av.open(str(tmp_path / "c.mkv"), "w") as container:
        stream = container.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, primaries, transfer, 1
        frame = av.VideoFrame.from_ndarray((code * 65535).round().astype(np.uint16), format="rgb48le")
        frame = frame.reformat(format="yuv444p10le", dst_colorspace=9, dst_color_range=ColorRange.MPEG)
        frame.colorspace, frame.color_primaries, frame.color_trc = 9, primaries, transfer
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with VideoReader(tmp_path / "c.mkv") as video:
        (read,) = video
    assert np.abs(read.pixels.astype(int) - ordinary).max() <= 4


def test_what_is_brighter_than_white_is_drawn_together() -> None:
    bright = (_as_pq(np.array([0.5, 1, 2, 4, 40])) * 65535).astype(np.uint16).reshape(1, 5, 1).repeat(3, axis=2)
    shown = dynamic_range.ordinary(bright, 16, 9)[0, :, 0].astype(int)
    assert (np.diff(shown) >= 0).all() and 190 < shown[0] < 192 and 245 < shown[1] < 250 and shown[-1] == 255
