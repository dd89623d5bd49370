"""Videos as they come out."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ptus.images import Pixels
from ptus.video import VideoWriter

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
    with (
        pytest.raises(ValueError, match="shape"),
        VideoWriter(tmp_path / "other.mp4", Fraction(25), 64, 48, comment=COMMENT) as video,
    ):
        video.write(np.zeros((48, 32, 3), np.uint8))
    assert not list(tmp_path.iterdir())
