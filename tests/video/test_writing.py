"""Videos as they come out."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from ptus.errors import UserError
from ptus.images import Pixels
from ptus.video import VideoReader, VideoWriter
from ptus.video.audio import AudioTrack
from tests.video.clips import VARIABLE, moving_square, sound_levels, sound_packets, times, write_clip

COMMENT = "Synthetic: made by a test."


def _frames(count: int) -> list[Pixels]:
    """A square that moves to the right, on grey."""
    frames = []
    for index in range(count):
        frame = np.full((48, 64, 3), 128, np.uint8)
        frame[16:32, 4 * index : 4 * index + 16] = (200, 40, 40)
        frames.append(frame)
    return frames


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_what_is_written_is_read_back(tmp_path: Path, rate: Fraction) -> None:
    path = tmp_path / "square.mp4"
    frames = _frames(9)
    with VideoWriter(path, rate, 64, 48, comment=COMMENT) as video:
        for frame in frames:
            video.write(frame)
            assert not path.exists()

    assert list(tmp_path.iterdir()) == [path]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert container.metadata["comment"] == container.metadata["description"] == COMMENT
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(decoded) == len(frames)
    for written, read in zip(frames, decoded, strict=True):
        assert np.abs(written.astype(int) - read).mean() < 4


def test_a_video_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "square.mp4"
    path.write_bytes(b"an older video")
    with pytest.raises(KeyError), VideoWriter(path, Fraction(25), 64, 48, comment=COMMENT) as video:
        for _ in range(80):  # the encoder holds the first ones back
            video.write(_frames(1)[0])
        assert len(list(tmp_path.iterdir())) == 2
        raise KeyError
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"an older video"


def test_sizes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even"):
        VideoWriter(tmp_path / "odd.mp4", Fraction(25), 63, 48, comment=COMMENT)
    with pytest.raises(UserError, match=r"would have 64×17000 pixels, and H\.264 has 16384 at most a side"):
        VideoWriter(tmp_path / "tall.mp4", Fraction(25), 64, 17000, comment=COMMENT)
    with (
        pytest.raises(ValueError, match="shape"),
        VideoWriter(tmp_path / "other.mp4", Fraction(25), 64, 48, comment=COMMENT) as video,
    ):
        video.write(np.zeros((48, 32, 3), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("time_base", "ticks"),
    [
        (Fraction(1, 25), [0, 1, 2, 3, 4, 5, 6, 7]),
        (Fraction(1001, 30000), [0, 1, 2, 3, 4, 5, 6, 7]),
        (Fraction(1, 1000), VARIABLE),
        (Fraction(1, 90000), [tick * 91 for tick in VARIABLE]),
        (Fraction(1, 90000), [tick * 91 + 9001 for tick in VARIABLE]),
        (Fraction(1, 15360), [tick + 1537 for tick in VARIABLE]),
    ],
)
def test_times_are_kept_to_the_tick(tmp_path: Path, time_base: Fraction, ticks: list[int]) -> None:
    path = tmp_path / "square.mp4"
    with VideoWriter(path, Fraction(25), 64, 48, comment=COMMENT, time_base=time_base) as video:
        for tick, frame in zip(ticks, _frames(8), strict=True):
            video.write(frame, tick * time_base, 5 * time_base)
    assert times(path) == [tick * time_base for tick in ticks]
    with VideoReader(path) as read:
        assert list(read)[-1].duration == 5 * time_base


def test_a_time_between_ticks_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="multiple"),
        VideoWriter(tmp_path / "x.mp4", Fraction(25), 64, 48, comment=COMMENT) as video,
    ):
        video.write(_frames(1)[0], Fraction(1, 26))


def _rewritten(clip: Path, path: Path) -> Path:
    """The clip written anew with its own times and sound."""
    with VideoReader(clip) as source:
        sound = AudioTrack.of(clip, source.origin)
        with VideoWriter(
            path, source.rate, source.width, source.height, comment=COMMENT, time_base=source.time_base, audio=sound
        ) as video:
            for frame in source:
                video.write(*frame)
    return path


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "flac", "ac3"])
def test_sound_is_copied_byte_for_byte(tmp_path: Path, codec: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", moving_square(25), sound=codec)
    path = _rewritten(clip, tmp_path / "out.mp4")
    assert len(sound_packets(clip)) >= 10
    assert sound_packets(path) == sound_packets(clip)
    assert times(path) == times(clip)


def test_sound_that_mp4_cannot_hold_at_its_rate_is_encoded(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", moving_square(25), codec="mpeg4", sound="libmp3lame", rate=11025)
    path = _rewritten(clip, tmp_path / "out.mp4")
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.codec_context.sample_rate) == ("aac", 11025)
        assert sum(frame.samples for frame in container.decode(audio=0)) > 10000


def test_a_name_may_have_a_colon_and_the_most_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = write_clip(tmp_path / "clip.mp4", moving_square(3), sound="aac")
    clip.rename("10:20.mp4")
    longest = Path("to:" + 248 * "x" + ".mp4")
    assert len(times(_rewritten(Path("10:20.mp4"), longest).absolute())) == 3


@pytest.mark.parametrize(
    ("suffix", "codec", "frames", "start"),
    [
        (".mp4", "aac", 10, Fraction(0)),  # longer than the video
        (".mp4", "aac", 25, Fraction(1, 4)),  # starts later
        (".mov", "pcm_s16le", 10, Fraction(0)),
        (".mov", "pcm_s16le", 25, Fraction(1, 4)),
        (".mkv", "pcm_s16le", 25, Fraction(0)),
        (".ts", "aac", 25, Fraction(0)),  # the clock starts anywhere
    ],
)
def test_sound_stays_in_step_and_is_cut_to_the_video(
    tmp_path: Path, suffix: str, codec: str, frames: int, start: Fraction
) -> None:
    def click(time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Loud for a moment, 0.3 s after the sound begins."""
        return np.where(np.abs(time - 0.3) < 0.01, np.sin(2 * np.pi * 1000 * time) * 0.9, 0)

    clip = write_clip(
        tmp_path / f"clip{suffix}", moving_square(frames), sound=codec, sound_start=start, seconds=3, samples=click
    )
    path = _rewritten(clip, tmp_path / "out.mp4")
    assert len(times(path)) == frames
    levels, rate = sound_levels(path)
    loud = np.flatnonzero(np.abs(levels) > 0.3 * np.abs(levels).max())
    heard = Fraction(int(loud[0] + loud[-1]), 2 * rate)
    # The transport stream's own video begins where its encoder's delay ends.
    assert abs(float(heard - start) - 0.3) < 0.03
    assert abs(len(levels) / rate - frames / 25) < 0.06


def test_sound_before_the_video_is_left_out(tmp_path: Path) -> None:
    ticks = [500 + 40 * number for number in range(25)]
    clip = write_clip(
        tmp_path / "clip.mp4", moving_square(25), time_base=Fraction(1, 1000), ticks=ticks, sound="aac", seconds=3
    )
    path = _rewritten(clip, tmp_path / "out.mp4")
    assert times(path) == times(clip) == [Fraction(tick, 1000) for tick in ticks]
    kept = sound_packets(path)
    assert abs(float(kept[0][0]) - 0.5) < 0.05 and abs(float(kept[-1][0]) - 1.5) < 0.05
    assert set(kept) <= set(sound_packets(clip))


LIMITED = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from ptus.errors import UserError
from ptus.video import VideoWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
try:
    with VideoWriter(Path(sys.argv[1]), Fraction(25), 64, 48, comment="Synthetic") as video:
        for _ in range(int(sys.argv[3])):
            video.write(noise)
except UserError as error:
    print(error)
"""


@pytest.mark.once
@pytest.mark.parametrize("frames", [1, 200])
def test_where_there_is_no_room_what_was_there_stays(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "square.mp4"

    def write(limit: int) -> str:
        command = [sys.executable, "-c", LIMITED, str(path), str(limit), str(frames)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert write(1 << 24) == ""
    size = path.stat().st_size
    path.write_bytes(b"an older video")
    for limit in (100, size // 2, size - 100):  # the last is met by the index, once all frames are in
        _check_full(write(limit), path)


def _check_full(said: str, path: Path) -> None:
    assert "cannot write" in said and "make room" in said and said.count("\n") == 1
    assert list(path.parent.iterdir()) == [path] and path.read_bytes() == b"an older video"


def test_a_file_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        VideoWriter(tmp_path / "nowhere" / "x.mp4", Fraction(25), 64, 48, comment=COMMENT)
