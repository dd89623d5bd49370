"""Videos of all sorts as they come in."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from ptus.errors import UserError
from ptus.images import Pixels, read_image
from ptus.video import TimedFrame, VideoReader
from tests.video.clips import VARIABLE, moving_square, turned, with_orientation, write_clip

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "clips"


def _read(path: Path) -> list[TimedFrame]:
    with VideoReader(path) as video:
        frames = list(video)
        assert video.damage is None
        assert list(video) == []
    return frames


def _halves(left: tuple[int, int, int], right: tuple[int, int, int], width: int = 64, height: int = 48) -> Pixels:
    picture = np.empty((height, width, 3), np.uint8)
    picture[:, : width // 2], picture[:, width // 2 :] = left, right
    return picture


@pytest.mark.parametrize(
    ("time_base", "ticks"),
    [
        (Fraction(1, 25), list(range(8))),
        (Fraction(1001, 30000), list(range(8))),
        (Fraction(1, 1000), VARIABLE),
        (Fraction(1, 90000), [tick * 91 for tick in VARIABLE]),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_are_exact(tmp_path: Path, time_base: Fraction, ticks: list[int], suffix: str) -> None:
    frames = _read(write_clip(tmp_path / f"c{suffix}", moving_square(8), time_base=time_base, ticks=ticks))
    assert [frame.time for frame in frames] == [tick * time_base for tick in ticks]
    for written, frame in zip(moving_square(8), frames, strict=True):
        assert np.abs(written.astype(int) - frame.pixels).mean() < 4


def test_a_file_without_a_count_of_frames_is_read_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.mkv", moving_square(8), time_base=Fraction(1, 1000), ticks=VARIABLE)
    assert [frame.time for frame in _read(path)] == [Fraction(tick, 1000) for tick in VARIABLE]


def test_the_clock_of_a_broadcast_starts_at_its_first_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "c.ts", moving_square(8))
    with VideoReader(path) as video:
        assert [frame.time for frame in video] == [Fraction(number, 25) for number in range(8)]
        assert video.origin > 0 and video.start == 0


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    frames = _read(write_clip(tmp_path / "c.mp4", moving_square(1)))
    assert [(frame.time, frame.duration) for frame in frames] == [(Fraction(0), Fraction(1, 25))]


# What each matrix does to a picture that is red on the left and blue on the right; (0, 1, -1, 0) is a phone's upright.
@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
    ],
)
def test_the_display_matrix_is_applied(tmp_path: Path, matrix: tuple[int, int, int, int], expected: object) -> None:
    picture = _halves((200, 30, 30), (30, 30, 200))
    picture[:10] = 240
    path = turned(write_clip(tmp_path / "c.mp4", [picture] * 2), matrix)
    assert callable(expected)
    upright = expected(picture)
    for frame in _read(path):
        assert frame.pixels.shape == upright.shape
        assert np.abs(frame.pixels.astype(int) - upright).mean() < 5


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_frames_with_exif_are_upright(tmp_path: Path, orientation: int) -> None:
    picture = _halves((200, 30, 30), (30, 30, 200))
    picture[:10] = 240
    path = tmp_path / "frame.jpg"
    path.write_bytes(with_orientation(cv2.imencode(".jpg", picture)[1].tobytes(), orientation))
    (frame,) = _read(path)
    upright = read_image(path)
    assert frame.pixels.shape == upright.shape
    assert np.abs(frame.pixels.astype(int) - upright).mean() < 5


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [
        ("libx264", "yuv420p10le", ".mp4"),
        ("libx264", "yuv444p", ".mp4"),
        ("libx264", "yuvj420p", ".mp4"),
        ("ffv1", "yuv422p16le", ".mkv"),
        ("ffv1", "yuva420p", ".mkv"),
        ("ffv1", "bgr0", ".mkv"),
        ("png", "rgba", ".mov"),
        ("png", "rgb48be", ".mov"),
    ],
)
def test_pixel_formats_are_converted(tmp_path: Path, codec: str, pixel_format: str, suffix: str) -> None:
    picture = _halves((220, 60, 40), (40, 90, 200), 63 if codec != "libx264" or pixel_format == "yuv444p" else 64, 48)
    frames = _read(write_clip(tmp_path / f"c{suffix}", [picture] * 2, codec=codec, pixel_format=pixel_format))
    assert frames[1].pixels.shape == picture.shape
    assert np.abs(frames[1].pixels.astype(int) - picture)[:, [5, 55]].max() < 8


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le"])
def test_one_channel_is_grey(tmp_path: Path, pixel_format: str) -> None:
    picture = _halves((230,) * 3, (60,) * 3)
    frames = _read(write_clip(tmp_path / "c.mkv", [picture], codec="ffv1", pixel_format=pixel_format))
    assert np.abs(frames[0].pixels.astype(int) - picture).max() <= 3


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "c.mov"), "w") as container:
        stream = container.add_stream("png", 25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgba"
        rgba = np.zeros((48, 64, 4), np.uint8)
        rgba[:, :, 0], rgba[:24, :, 3] = 200, 255
        container.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        container.mux(stream.encode(None))
    pixels = _read(tmp_path / "c.mov")[0].pixels
    assert (pixels[:24] == (200, 0, 0)).all() and (pixels[24:] == 255).all()


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("matrix", "tagged", "width", "height"),
    [
        (Colorspace.ITU709, True, 64, 48),
        (Colorspace.ITU601, True, 64, 48),
        (Colorspace.ITU601, True, 64, 720),
        (Colorspace.ITU601, False, 64, 48),
        (Colorspace.ITU709, False, 64, 720),
        (Colorspace.ITU709, False, 1280, 48),
    ],
)
def test_colours_are_those_of_the_matrix(
    tmp_path: Path, matrix: Colorspace, tagged: bool, width: int, height: int, full_range: bool
) -> None:
    colour = np.full((height, width, 3), (30, 200, 60), np.uint8)
    scale = ColorRange.JPEG if full_range else ColorRange.MPEG
    with av.open(str(tmp_path / "c.mp4"), "w") as container:
        stream = container.add_stream("libx264", 25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.color_range = scale
        if tagged:
            # AVCOL_SPC_BT709 and AVCOL_SPC_SMPTE170M.
            stream.codec_context.colorspace = 1 if matrix == Colorspace.ITU709 else 6
        frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=scale)
        frame.colorspace = 2 if not tagged else frame.colorspace
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert np.abs(_read(tmp_path / "c.mp4")[0].pixels.astype(int) - colour).max() <= 4


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    def wide(context: av.VideoCodecContext) -> None:
        context.sample_aspect_ratio = Fraction(3, 2)

    path = write_clip(tmp_path / "c.mp4", moving_square(2), tag=wide)
    assert _read(path)[0].pixels.shape == (48, 96, 3)


def _noise(count: int) -> list[Pixels]:
    """Frames that compress badly, so that half a file is about half of the frames."""
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(count)]


@pytest.mark.parametrize("share", [0.35, 0.5, 0.7])
@pytest.mark.parametrize(("suffix", "movflags"), [(".mp4", "+faststart"), (".avi", None)])
def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes(
    tmp_path: Path, suffix: str, movflags: str | None, share: float
) -> None:
    options = {"movflags": movflags} if movflags else None
    path = write_clip(tmp_path / f"c{suffix}", _noise(40), options=options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with VideoReader(path) as video:
        count = len(list(video))
        assert 40 * share - 10 < count < 40 * share + 10
        assert video.damage is not None and f"{count} of 40 frames" in video.damage


def test_an_avi_file_that_leaves_times_out_is_whole(tmp_path: Path) -> None:
    shown = [tick for tick in range(26) if tick != 7]
    path = write_clip(tmp_path / "c.avi", moving_square(25), codec="mpeg4", ticks=shown)
    assert len(_read(path)) == 25


def test_what_is_not_read_to_its_end_is_not_called_damaged(tmp_path: Path) -> None:
    with VideoReader(write_clip(tmp_path / "c.mp4", moving_square(8))) as video:
        next(iter(video))
        assert video.damage is None


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """A folder of files that have no frames."""
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.mp4").write_text("not a video")
    (tmp_path / "words.txt").write_text("not a video")
    path = write_clip(tmp_path / "cut.mp4", _noise(8))
    path.write_bytes(path.read_bytes()[:3000])
    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", 44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return tmp_path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.mp4", "give the path"),
        (".", "give the path"),
        ("empty.mp4", "empty"),
        ("words.mp4", "not a video"),
        ("words.txt", "not a video"),
        ("cut.mp4", "beginning or index is missing"),
        ("sound.m4a", "sound but no video"),
    ],
)
def test_what_has_no_frames_is_the_users_to_mend(unreadable: Path, name: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as raised:
        VideoReader(unreadable / name)
    assert "\n" not in str(raised.value)


MEMORY = """
import resource, sys
from pathlib import Path
from ptus.video import VideoReader
for path in sys.argv[1:]:
    with VideoReader(Path(path)) as video:
        for _ in video:
            pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.once
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    clips = [write_clip(tmp_path / f"{count}.mp4", [frame] * count) for count in (200, 1000)]
    command = [sys.executable, "-c", MEMORY, *map(str, clips)]
    short, long = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert long - short < 6 * 1024, (short, long)  # KiB; the 800 frames more have 176 MiB


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared clips are not here")
@pytest.mark.parametrize("name", ["s29.mp4", "d20.mp4"])
def test_real_clips_are_read_whole(name: str) -> None:
    with VideoReader(SHARED / name) as video:
        count = sum(1 for _ in video)
        assert count == video.expected_frames and video.damage is None
